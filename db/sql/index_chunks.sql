-- INDEX: what is said of chunks that are there already, after their nodes were written; texts stay as they are.
WITH given AS (
    SELECT * FROM jsonb_to_recordset(CAST(:chunks AS jsonb)) AS g (
        node_id bigint, title text, strategy text, audience text, goal text, quality_target text, idents text,
        words text)
)
UPDATE chunk c SET
       title = g.title, strategy = g.strategy, audience = g.audience, goal = g.goal,
       quality_target = g.quality_target, idents = g.idents, words = g.words
  FROM given g
 WHERE c.node_id = g.node_id AND c.part = 0
   AND (c.title, c.strategy, c.audience, c.goal, c.quality_target, c.idents, c.words)
       IS DISTINCT FROM (g.title, g.strategy, g.audience, g.goal, g.quality_target, g.idents, g.words)
RETURNING c.id
