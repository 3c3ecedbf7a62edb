-- GATHER for Instruct: the places that use some chunks, best example first, each with the caller's code round the call.
-- A function is cut to the lines round its first call; of a class or a file, whose members stand as stubs, all of it is
-- looked through for the name.
SELECT c.id AS chunk_id,
       CASE WHEN s.owner IS NULL OR s.kind = 'FILE' THEN s.name
            ELSE regexp_replace(s.owner, '^.*[.:/\\]', '') || '.' || s.name END AS symbol,
       f.path,
       CASE t.kind WHEN 'CONSTRUCTOR' THEN regexp_replace(COALESCE(t.owner, t.name), '^.*[.:/\\]', '')
                   ELSE t.name END AS called,
       CASE WHEN near.at IS NULL THEN left(s.source_code, 12000)
            ELSE array_to_string(near.lines[greatest(near.at - 8, 1) : near.at + 30], E'\n') END AS code,
       near.at - greatest(near.at - 8, 1) AS at,
       u.line,
       COALESCE(s.role, '') IN ('test', 'test-class', 'test-file', 'test-fixture', 'benchmark') AS tested
  FROM chunk c
 CROSS JOIN LATERAL doctown_callers(c.node_id, 6) u
  JOIN node s ON s.id = u.caller
  JOIN node t ON t.id = u.target
  LEFT JOIN file f ON f.id = s.file_id
  LEFT JOIN LATERAL (
       SELECT string_to_array(s.source_code, E'\n') AS lines, u.line - s.line_start + 1 AS at
        WHERE s.kind NOT IN ('FILE', 'CLASS', 'INTERFACE', 'ENUM', 'OBJECT')
          AND u.line BETWEEN s.line_start AND s.line_start + 20000) near ON true
 WHERE c.id = ANY (CAST(:chunks AS bigint[])) AND s.source_code <> ''
 ORDER BY c.id, u.place
