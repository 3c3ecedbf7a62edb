-- INDEX: what is said of chunks that are there already, after their nodes were written; texts stay as they are.
-- A piece that has become a whole, and has no text yet, waits for what it holds; one that is a whole no longer is made
-- from its own source again (as in db/link.py).
WITH given AS (
    SELECT * FROM jsonb_to_recordset(CAST(:chunks AS jsonb)) AS g (
        node_id bigint, title text, strategy text, audience text, goal text, quality_target text, idents text,
        words text)
)
UPDATE chunk c SET
       title = g.title, strategy = g.strategy, audience = g.audience, goal = g.goal,
       quality_target = g.quality_target, idents = g.idents, words = g.words,
       source_hash = CASE WHEN doctown_is_whole(g.strategy) = doctown_is_whole(c.strategy) THEN c.source_hash
                          WHEN doctown_is_whole(c.strategy) THEN n.source_hash
                          WHEN COALESCE(c.content_raw, '') = '' THEN NULL ELSE c.source_hash END,
       context_hash = CASE WHEN doctown_is_whole(g.strategy) AND NOT doctown_is_whole(c.strategy)
                                AND COALESCE(c.content_raw, '') = '' THEN NULL ELSE c.context_hash END
  FROM given g JOIN node n ON n.id = g.node_id
 WHERE c.node_id = g.node_id AND c.part = 0
   AND (c.title, c.strategy, c.audience, c.goal, c.quality_target, c.idents, c.words)
       IS DISTINCT FROM (g.title, g.strategy, g.audience, g.goal, g.quality_target, g.idents, g.words)
RETURNING c.id
