"""What a stage sees of a chunk: neighbours with the counts of all there are, members with their roles."""

from __future__ import annotations

from db import gather as db_gather
from db.session import Database
from db.types import Material, Tally
from tests.support.builders import Connection, a_chunk, a_node, a_repository, scalar
from tests.support.edges import an_edge


def a_file(psql: Connection, repo: int, path: str) -> int:
    """A file's id."""
    return int(scalar(psql, "INSERT INTO file (repo_id, path) VALUES (%s, %s) RETURNING id", repo, path))


async def look(db: Database, chunk: int) -> Material:
    return (await db_gather.look(db, [chunk], language="en"))[chunk]


async def test_only_the_first_neighbours_come_and_all_are_counted(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    popular = a_node(psql, repo, fqn="shop.popular", name="popular")
    for number in range(45):
        an_edge(psql, repo, a_node(psql, repo, fqn=f"shop.caller{number:02}"), popular, count=2)
    an_edge(psql, repo, popular, popular)  # calling itself makes it no caller of itself
    material = await look(db, a_chunk(psql, popular))
    assert len(material.callers) == 40
    assert material.callers[0].fqn == "shop.caller00"
    assert material.users == Tally(sites=90, names=45)


async def test_calls_within_the_class_are_told_from_others(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    pay = a_node(psql, repo, fqn="shop.Cart.pay", name="pay", owner="shop.Cart", kind="METHOD")
    inside = a_node(psql, repo, fqn="shop.Cart.total", owner="shop.Cart", kind="METHOD", doc_summary="Adds up.")
    outside = a_node(psql, repo, fqn="bank.pay")
    an_edge(psql, repo, pay, inside, count=3)
    an_edge(psql, repo, pay, outside)
    for number in range(50):
        an_edge(psql, repo, pay, None, dst_name=f"log{number:02}", count=9)
    material = await look(db, a_chunk(psql, pay))
    assert (material.inside, material.outside) == (Tally(sites=3, names=1), Tally(sites=451, names=51))
    first, second, third = material.callees[:3]
    assert (first.fqn, first.internal, first.count, first.summary) == ("shop.Cart.total", True, 3, "Adds up.")
    assert (second.fqn, second.internal, second.resolved) == ("bank.pay", False, True), "what is known comes first"
    assert (third.fqn, third.resolved) == ("log00", False)


async def test_nobody_is_told_what_we_said_of_it_before(db: Database, psql: Connection) -> None:
    """A function that calls itself: our last text about it is no fact for the next one."""
    repo = a_repository(psql)
    node, other = a_node(psql, repo, fqn="shop.fold"), a_node(psql, repo, fqn="shop.unfold")
    an_edge(psql, repo, node, node)
    an_edge(psql, repo, node, other)
    chunk = a_chunk(psql, node)
    psql.execute("UPDATE chunk SET content_raw = 'Folds.' WHERE id = ANY(%s)", ([chunk, a_chunk(psql, other)],))
    callees = {one.fqn: (one.summary, one.ours) for one in (await look(db, chunk)).callees}
    assert callees == {"shop.fold": (None, False), "shop.unfold": ("Folds.", True)}


async def test_what_stands_in_a_file_is_inside_of_it(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    file = a_file(psql, repo, "shop.py")
    module = a_node(psql, repo, fqn="shop", kind="FILE", file_id=file)
    main = a_node(psql, repo, fqn="shop.main", file_id=file)
    an_edge(psql, repo, module, main)
    an_edge(psql, repo, module, a_node(psql, repo, fqn="bank.main"))
    material = await look(db, a_chunk(psql, module))
    assert [(one.fqn, one.internal) for one in material.callees] == [("shop.main", True), ("bank.main", False)]


async def test_without_neighbours_there_is_nothing_to_count(db: Database, psql: Connection) -> None:
    material = await look(db, a_chunk(psql, a_node(psql, a_repository(psql))))
    assert (material.callees, material.callers, material.inside, material.outside, material.users) == (
        (), (), None, None, None,
    )  # fmt: skip


async def test_members_come_with_their_roles(db: Database, psql: Connection) -> None:
    repo = a_repository(psql)
    file = a_file(psql, repo, "shop.py")
    owner = a_node(psql, repo, fqn="shop.Pages", kind="CLASS", file_id=file)
    for line, name, role, detail in (
        (1, "list", "http-endpoint", "Flask: GET /"), (2, "check", "test", None), (3, "help", None, None),
    ):  # fmt: skip
        a_node(
            psql, repo, fqn=f"shop.Pages.{name}", name=name, owner="shop.Pages", kind="METHOD", file_id=file,
            line_start=line, role=role, role_detail=detail,
        )  # fmt: skip
    members = (await look(db, a_chunk(psql, owner))).members
    assert [(one.name, one.role) for one in members] == [
        ("list", "http-endpoint (Flask: GET /)"), ("check", "test"), ("help", None),
    ]  # fmt: skip
