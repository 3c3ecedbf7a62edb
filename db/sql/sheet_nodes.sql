-- SHEET: which nodes the fact sheets of some chunks speak of: themselves, their members, and both ends of every edge
-- of either. Members are known by CONTAINS, or by an owner whose name begins theirs (a range that node_fqn serves).
WITH wanted AS (
    SELECT DISTINCT n.id, n.repo_id, n.fqn
      FROM chunk c JOIN node n ON n.id = c.node_id
     WHERE c.id = ANY (CAST(:chunks AS bigint[]))
), member AS (
    SELECT e.dst AS id FROM wanted JOIN edge e ON e.src = wanted.id AND e.kind = 'CONTAINS' AND e.dst IS NOT NULL
    UNION
    SELECT m.id
      FROM wanted
      JOIN node m ON m.repo_id = wanted.repo_id AND m.fqn ~>=~ (wanted.fqn || '.') AND m.fqn ~<~ (wanted.fqn || '/')
     WHERE m.owner = wanted.fqn
), core AS (
    SELECT id FROM wanted UNION SELECT id FROM member
)
SELECT id FROM core
UNION
SELECT e.dst FROM wanted JOIN edge e ON e.src = wanted.id WHERE e.dst IS NOT NULL
UNION
SELECT e.src FROM core JOIN edge e ON e.dst = core.id
