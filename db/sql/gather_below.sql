-- GATHER: what is being written at this moment and is to be shown in the texts of some claims: callees, and members of a
-- class, of which our own sentence is shown for want of their author's.
-- Only what was to be claimed before: this way no two pieces wait for each other, whoever holds them.
-- From the claims outwards: the planner, who takes leases for few, would hold every claim against every lease.
WITH own AS MATERIALIZED (
    SELECT w.chunk_id, w.lane, w.priority, n.id, n.kind, n.file_id, n.fqn
      FROM work w JOIN chunk c ON c.id = w.chunk_id JOIN node n ON n.id = c.node_id
     WHERE w.chunk_id = ANY (CAST(:chunks AS bigint[])) AND w.stage = 'coder'
), shown AS MATERIALIZED (
    SELECT own.chunk_id, e.dst AS id
      FROM own JOIN edge e ON e.src = own.id AND e.kind = 'CALLS' AND e.dst <> own.id
     UNION
    SELECT own.chunk_id, m.id
      FROM own JOIN node m ON m.file_id = own.file_id AND m.owner = own.fqn
     WHERE own.kind IN ('CLASS', 'INTERFACE', 'ENUM', 'OBJECT')
)
SELECT own.chunk_id, array_agg(below.chunk_id ORDER BY below.chunk_id) AS below
  FROM shown
  JOIN own ON own.chunk_id = shown.chunk_id
 CROSS JOIN LATERAL (
       SELECT w.chunk_id, w.state, w.lane, w.priority
         FROM node d
         JOIN chunk dc ON dc.node_id = d.id AND dc.part = 0
         JOIN work w ON w.chunk_id = dc.id AND w.stage = 'coder'
        WHERE d.id = shown.id AND NULLIF(d.doc_summary, '') IS NULL
       OFFSET 0) below
 WHERE below.state = 'leased'
   AND (below.lane, below.priority, below.chunk_id) < (own.lane, own.priority, own.chunk_id)
 GROUP BY own.chunk_id
