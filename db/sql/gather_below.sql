-- GATHER: what is being written at this moment and is to be shown in the texts of some claims: callees, and members of a
-- class, of which our own sentence is shown for want of their author's.
-- Only what was to be claimed before: this way no two pieces wait for each other, whoever holds them.
SELECT own.chunk_id, array_agg(w.chunk_id ORDER BY w.chunk_id) AS below
  FROM work own
  JOIN chunk c ON c.id = own.chunk_id
  JOIN node n ON n.id = c.node_id
 CROSS JOIN LATERAL (
       SELECT e.dst AS id FROM edge e WHERE e.src = n.id AND e.kind = 'CALLS' AND e.dst <> n.id
        UNION
       SELECT m.id FROM node m
        WHERE n.kind IN ('CLASS', 'INTERFACE', 'ENUM', 'OBJECT') AND m.file_id = n.file_id AND m.owner = n.fqn) shown
  JOIN node d ON d.id = shown.id AND NULLIF(d.doc_summary, '') IS NULL
  JOIN chunk dc ON dc.node_id = d.id AND dc.part = 0
  JOIN work w ON w.chunk_id = dc.id AND w.stage = own.stage AND w.state = 'leased'
   AND (w.lane, w.priority, w.chunk_id) < (own.lane, own.priority, own.chunk_id)
 WHERE own.chunk_id = ANY (CAST(:chunks AS bigint[])) AND own.stage = 'coder'
 GROUP BY own.chunk_id
