-- SHEET: the place of some chunks' nodes among all of their repository by centrality; equals share the worst place.
-- Packages and repositories stand above the code and are not counted.
SELECT place.id, place.place, place.total
  FROM (SELECT n.id,
               count(*) OVER (PARTITION BY n.repo_id ORDER BY n.centrality DESC RANGE UNBOUNDED PRECEDING) AS place,
               count(*) OVER (PARTITION BY n.repo_id) AS total
          FROM node n
         WHERE n.repo_id IN (SELECT c.repo_id FROM chunk c WHERE c.id = ANY (CAST(:chunks AS bigint[])))
           AND n.kind NOT IN ('PACKAGE', 'REPOSITORY')) AS place
 WHERE place.id IN (SELECT c.node_id FROM chunk c WHERE c.id = ANY (CAST(:chunks AS bigint[])))
