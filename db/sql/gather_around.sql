-- GATHER for packages and repositories: where execution starts in them, which packages they lean on and serve, and which
-- files belong together by who calls whom.
WITH RECURSIVE below AS (
    SELECT c.id AS chunk_id, c.node_id AS whole, c.node_id FROM chunk c WHERE c.id = ANY (CAST(:chunks AS bigint[]))
    UNION
    SELECT b.chunk_id, b.whole, m.id
      FROM below b JOIN edge e ON e.src = b.node_id AND e.kind = 'CONTAINS' JOIN node m ON m.id = e.dst
     WHERE m.kind IN ('PACKAGE', 'FILE')
), file_of AS MATERIALIZED (
    SELECT b.chunk_id, b.whole, n.id AS node_id, n.file_id, n.cluster, n.role
      FROM below b JOIN node n ON n.id = b.node_id WHERE n.kind = 'FILE'
), member AS MATERIALIZED (
    SELECT f.chunk_id, f.whole, n.id, n.file_id, n.fqn, n.name, n.owner, n.kind, n.role, n.role_detail, n.centrality,
           f.cluster
      FROM file_of f JOIN node n ON n.file_id = f.file_id
     WHERE COALESCE(f.role, '') <> 'test-file'
), home AS MATERIALIZED (
    -- The package in which a file stands.
    SELECT e.dst AS file_node, p.id, p.fqn, f.file_id
      FROM edge e JOIN node p ON p.id = e.src AND p.kind = 'PACKAGE' JOIN node f ON f.id = e.dst AND f.kind = 'FILE'
     WHERE e.kind = 'CONTAINS' AND e.repo_id IN (SELECT repo_id FROM chunk WHERE id = ANY (CAST(:chunks AS bigint[])))
), used AS (
    SELECT m.chunk_id, h.fqn, sum(e.count) AS times
      FROM member m
      JOIN edge e ON e.src = m.id AND e.kind IN ('CALLS', 'IMPORTS', 'INHERITS', 'IMPLEMENTS')
      JOIN node d ON d.id = e.dst
      JOIN home h ON h.file_id = d.file_id
     WHERE NOT EXISTS (SELECT FROM file_of o WHERE o.chunk_id = m.chunk_id AND o.file_id = d.file_id)
     GROUP BY m.chunk_id, h.fqn
), user_of AS (
    SELECT m.chunk_id, h.fqn, sum(e.count) AS times
      FROM member m
      JOIN edge e ON e.dst = m.id AND e.kind IN ('CALLS', 'IMPORTS', 'INHERITS', 'IMPLEMENTS')
      JOIN node s ON s.id = e.src
      JOIN home h ON h.file_id = s.file_id
      JOIN node sf ON sf.id = h.file_node AND COALESCE(sf.role, '') <> 'test-file'
     WHERE NOT EXISTS (SELECT FROM file_of o WHERE o.chunk_id = m.chunk_id AND o.file_id = s.file_id)
     GROUP BY m.chunk_id, h.fqn
)
SELECT c.id AS chunk_id,
       ARRAY(SELECT m.fqn || COALESCE(' (' || m.role_detail || ')', '') FROM member m
              WHERE m.chunk_id = c.id AND m.role IN ('entry-point', 'cli-command')
              ORDER BY m.role = 'entry-point' DESC, m.centrality DESC, m.fqn LIMIT 8) AS entries,
       ARRAY(SELECT u.fqn FROM used u WHERE u.chunk_id = c.id ORDER BY u.times DESC, u.fqn LIMIT 8) AS leans_on,
       ARRAY(SELECT u.fqn FROM user_of u WHERE u.chunk_id = c.id ORDER BY u.times DESC, u.fqn LIMIT 8) AS serves,
       COALESCE((
           SELECT jsonb_agg(jsonb_build_object('files', g.files, 'names', g.names) ORDER BY g.size DESC, g.cluster)
             FROM (SELECT o.cluster, count(*) AS size, array_agg(f.path ORDER BY f.path) AS files,
                          -- A class is worth what its best member is; what is private says least of a group.
                          ARRAY(SELECT m.name
                                  FROM member m
                                  LEFT JOIN member k ON k.chunk_id = m.chunk_id AND k.file_id = m.file_id
                                                    AND k.owner = m.fqn
                                 WHERE m.chunk_id = c.id AND m.cluster = o.cluster AND m.kind <> 'FILE'
                                   AND m.owner IS NULL
                                 GROUP BY m.id, m.name, m.fqn, m.centrality
                                 ORDER BY m.name LIKE '\_%', greatest(m.centrality, max(k.centrality)) DESC, m.fqn
                                 LIMIT 12) AS names
                     FROM file_of o JOIN file f ON f.id = o.file_id
                    WHERE o.chunk_id = c.id AND o.cluster IS NOT NULL
                    GROUP BY o.cluster HAVING count(*) > 1 ORDER BY count(*) DESC, o.cluster LIMIT 12) g), '[]')
           AS clusters
  FROM chunk c
 WHERE c.id = ANY (CAST(:chunks AS bigint[]))
