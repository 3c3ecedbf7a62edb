"""What the index says of one repository, without ids and times: equal where two indexes say the same."""

from __future__ import annotations

from typing import Any

from tests.support.builders import Connection, all_rows

Snapshot = dict[str, dict[str, dict[str, Any]]]  # table -> what a row stands for -> its columns

# A node without the numbers of its rows; of two alike in one file the ordinal tells them apart.
_NODE = "concat_ws(' ', {f}.path, {n}.kind, {n}.fqn, {n}.ordinal)"
_IDS = frozenset(
    {"id", "repo_id", "file_id", "node_id", "chunk_id", "src", "dst", "mtime_ns", "content_tsv", "is", "skip"}
    | {"created_at", "updated_at", "run_at", "due_at", "done_at", "touched_at", "look_at", "fence", "saved_fence"}
)
_PASSING = {"work": {"priority"}}
_QUERIES = {
    "file": "SELECT f.path AS is, f.* FROM file f WHERE f.repo_id = %s",
    "node": f"SELECT {_NODE.format(f='f', n='n')} AS is, n.* FROM node n LEFT JOIN file f ON f.id = n.file_id "
    "WHERE n.repo_id = %s",
    "edge": f"SELECT {_NODE.format(f='sf', n='s')} || ' ' || e.kind || ' ' || e.dst_name AS is, e.*, "
    f"{_NODE.format(f='df', n='d')} AS leads_to FROM edge e JOIN node s ON s.id = e.src "
    "LEFT JOIN file sf ON sf.id = s.file_id LEFT JOIN node d ON d.id = e.dst LEFT JOIN file df ON df.id = d.file_id "
    "WHERE e.repo_id = %s",
    "chunk": f"SELECT {_NODE.format(f='f', n='n')} || ' ' || c.part AS is, c.* FROM chunk c "
    "JOIN node n ON n.id = c.node_id LEFT JOIN file f ON f.id = n.file_id WHERE c.repo_id = %s",
    # What was changed since the first run goes first: its number is below 0, and no part of what the index says.
    "work": f"SELECT {_NODE.format(f='f', n='n')} || ' ' || c.part || ' ' || w.stage AS is, w.* FROM work w "
    "JOIN chunk c ON c.id = w.chunk_id JOIN node n ON n.id = c.node_id LEFT JOIN file f ON f.id = n.file_id "
    "WHERE w.repo_id = %s AND w.state <> 'done'",  # nothing to do is no row, or one that is done
    "unsettled": f"SELECT {_NODE.format(f='f', n='n')} AS is, u.* FROM unsettled u JOIN chunk c ON c.id = u.chunk_id "
    "JOIN node n ON n.id = c.node_id LEFT JOIN file f ON f.id = n.file_id WHERE u.repo_id = %s",
}


def snapshot(psql: Connection, repo_id: int) -> Snapshot:
    """Files, nodes, edges, chunks with their keys and sheets, the queue, and what is to be settled."""
    return {
        table: {
            row["is"]: {name: value for name, value in row.items() if name not in _IDS | _PASSING.get(table, set())}
            for row in all_rows(psql, query, repo_id)
        }
        for table, query in _QUERIES.items()
    }


def differences(one: Snapshot, other: Snapshot) -> list[str]:
    """Every row that is on one side only, and every column that differs."""
    found = []
    for table, rows in one.items():
        others = other[table]
        found += [f"{table} only left: {key}" for key in sorted(rows.keys() - others.keys())]
        found += [f"{table} only right: {key}" for key in sorted(others.keys() - rows.keys())]
        for key in sorted(rows.keys() & others.keys()):
            found += [
                f"{table} {key}: {column} {value!r} / {others[key][column]!r}"
                for column, value in rows[key].items()
                if value != others[key][column]
            ]
    return found
