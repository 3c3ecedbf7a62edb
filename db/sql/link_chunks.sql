-- LINK: make the chunks that are missing, whole from the first moment: an update right after the insert would write
-- every row and its search index twice.
WITH given AS (
    SELECT * FROM jsonb_to_recordset(CAST(:chunks AS jsonb)) AS g (
        node_id bigint, title text, strategy text, audience text, goal text, quality_target text, idents text,
        words text, context_hash text, priority integer, explain_md text)
)
INSERT INTO chunk (repo_id, node_id, title, strategy, audience, goal, quality_target, idents, words, context_hash,
                   priority, explain_md, sites_hash)
SELECT :repo_id, g.node_id, g.title, g.strategy, g.audience, g.goal, g.quality_target, g.idents, g.words,
       g.context_hash, g.priority, g.explain_md,
       CASE WHEN doctown_runs('instruct') AND doctown_usable(n.kind, n.role) THEN doctown_sites_hash(n.id) END
  FROM given g JOIN node n ON n.id = g.node_id
 ORDER BY g.priority, g.node_id
ON CONFLICT (node_id, part) DO NOTHING
RETURNING id
