-- Who uses a piece, best example first: code before tests, who calls often before who calls once. Of a class also who
-- makes one, and then who calls its members from outside. One row per caller. Of equal ones what they say decides: the
-- order must be the same in an index made anew, where they have other numbers.
CREATE OR REPLACE FUNCTION doctown_callers(of_node bigint, most integer)
RETURNS TABLE (caller bigint, target bigint, uses integer, line integer, place bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH piece AS (
        SELECT n.id, n.fqn, n.file_id, n.kind FROM node n WHERE n.id = of_node
    ), target AS (
        SELECT piece.id, 0 AS far FROM piece
        UNION ALL
        SELECT m.id, CASE WHEN m.kind = 'CONSTRUCTOR' THEN 0 ELSE 1 END
          FROM piece JOIN edge e ON e.src = piece.id AND e.kind = 'CONTAINS' JOIN node m ON m.id = e.dst
         WHERE piece.kind IN ('CLASS', 'INTERFACE', 'ENUM', 'OBJECT')
    ), use AS (
        SELECT DISTINCT ON (s.id) s.id AS caller, e.dst AS target, e.count AS uses, e.line, target.far, s.fqn, s.name,
               t.name AS called, COALESCE(s.source_hash, md5(s.source_code), '') AS says,
               COALESCE(s.role, '') IN ('test', 'test-class', 'test-file', 'test-fixture', 'benchmark') AS tested
          FROM target JOIN edge e ON e.dst = target.id AND e.kind = 'CALLS' JOIN node s ON s.id = e.src
          JOIN node t ON t.id = target.id
         CROSS JOIN piece
         WHERE s.id <> piece.id
           AND NOT (s.owner IS NOT DISTINCT FROM piece.fqn AND s.file_id IS NOT DISTINCT FROM piece.file_id)
         ORDER BY s.id, target.far, e.count DESC, t.name, t.fqn, t.ordinal, e.dst_name, e.dst
    )
    SELECT u.caller, u.target, u.uses, u.line,
           row_number() OVER (ORDER BY u.far, u.tested, u.uses DESC, u.fqn, u.name, u.called, u.says, u.caller)
      FROM use u
     ORDER BY 5 LIMIT most
$$;

-- What was hashed in another order is hashed anew by the next index run.
UPDATE repository SET index_state = 'writing' WHERE index_state = 'linked';
