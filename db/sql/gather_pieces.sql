-- GATHER for wholes: what some files, packages and repositories hold, the parts that much leans on first to be kept where
-- there are very many, in the order in which they stand. Of each its text, or what its author and the index say.
SELECT chunk_id, name, kind, path, signature, role, doc, text
  FROM (SELECT c.id AS chunk_id, m.name, m.kind, f.path, left(m.signature, 600) AS signature,
               m.role || COALESCE(' (' || m.role_detail || ')', '') AS role,
               left(m.doc_summary, 600) AS doc, left(mc.content_raw, 3000) AS text,
               row_number() OVER (PARTITION BY c.id ORDER BY m.centrality DESC, m.line_start, m.fqn, m.id) AS worth,
               row_number() OVER (PARTITION BY c.id ORDER BY m.kind = 'FILE', m.line_start, m.fqn, m.id) AS place
          FROM chunk c
         CROSS JOIN LATERAL doctown_pieces(c.node_id) p
          JOIN node m ON m.id = p.node_id
          JOIN chunk mc ON mc.id = p.chunk_id
          LEFT JOIN file f ON f.id = m.file_id
         WHERE c.id = ANY (CAST(:chunks AS bigint[]))) piece
 WHERE worth <= 300
 ORDER BY chunk_id, place
