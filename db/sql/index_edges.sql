-- INDEX: the edges of some nodes as their source writes them; what they lead to is found later, by linking.
WITH given AS (
    SELECT * FROM jsonb_to_recordset(CAST(:edges AS jsonb)) AS g (
        src bigint, kind text, dst_name text, dst bigint, count integer, line integer, resolution text)
)
INSERT INTO edge AS e (repo_id, src, kind, dst_name, dst, count, line, resolution)
SELECT :repo_id, g.src, g.kind, g.dst_name, g.dst, g.count, g.line, g.resolution FROM given g
 ORDER BY g.src, g.kind, g.dst_name
ON CONFLICT (src, kind, dst_name) DO UPDATE SET
       count = excluded.count, line = excluded.line,
       dst = COALESCE(excluded.dst, e.dst), resolution = COALESCE(excluded.resolution, e.resolution)
 WHERE (e.count, e.line, e.dst, e.resolution)
       IS DISTINCT FROM (excluded.count, excluded.line, COALESCE(excluded.dst, e.dst),
                         COALESCE(excluded.resolution, e.resolution))
RETURNING e.src
