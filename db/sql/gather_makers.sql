-- GATHER for Instruct: the ways to make a value of some classes, as lists of parameters: of each constructor, of the
-- class itself where its head takes some, of its fields where it only carries data.
SELECT c.id AS chunk_id, m.params
  FROM chunk c
  JOIN node n ON n.id = c.node_id
 CROSS JOIN LATERAL (
       SELECT k.params, 0 AS rank, k.ordinal
         FROM edge e JOIN node k ON k.id = e.dst
        WHERE e.src = n.id AND e.kind = 'CONTAINS' AND k.kind = 'CONSTRUCTOR'
       UNION ALL
       SELECT n.params, 1, 0 WHERE n.params <> '[]'
       UNION ALL
       SELECT n.fields, 2, 0 WHERE n.role = 'data-class' AND n.fields <> '[]') m
 WHERE c.id = ANY (CAST(:chunks AS bigint[])) AND n.kind IN ('CLASS', 'INTERFACE', 'ENUM', 'OBJECT')
 ORDER BY c.id, m.rank, m.ordinal
