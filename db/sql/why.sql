-- WHY: of some chunks and each stage that runs or has left something: what is there, what it was made from, how its work
-- stands, and what holds it back.
SELECT c.id AS chunk_id, t.stage, t.written, t.due, t.made_key, t.wanted_key, t.recipe AS made_by,
       w.state, w.reason, w.lane, w.due_at, w.run_at, w.attempts, w.error_class, w.last_error,
       g.id AS generation, g.reused_from, g.made_from, g.model, g.created_at AS written_at,
       c.strategy, c.part, n.fqn, r.name AS repo, r.language,
       CASE WHEN t.stage = 'coder' THEN u.look_at END AS settles_at,
       CASE WHEN control.paused THEN 'everything is paused'
            WHEN r.paused THEN 'its repository is paused'
            WHEN r.indexing_until > clock_timestamp() THEN 'its repository is being indexed'
            WHEN t.stage = 'embed' THEN NULL
            WHEN control.budget_until > clock_timestamp() THEN control.budget_reason
            WHEN r.budget_until > clock_timestamp() THEN r.budget_reason END AS held_by
  FROM chunk c
  JOIN node n ON n.id = c.node_id
  JOIN repository r ON r.id = c.repo_id
 CROSS JOIN control
 CROSS JOIN LATERAL (VALUES
       (1, 'coder', COALESCE(c.content_raw, '') <> '', c.coder_due, c.raw_key, c.source_key, c.raw_recipe, c.raw_fence),
       (2, 'talker', COALESCE(c.content, '') <> '', c.talker_due, c.content_key, md5(c.content_raw), c.content_recipe,
        c.content_fence),
       (3, 'instruct', COALESCE(c.instruct, '') <> '', c.instruct_due, c.instruct_key,
        doctown_instruct_key(c.source_key, c.content_raw, c.sites_hash), c.instruct_recipe, c.instruct_fence),
       (4, 'embed', c.embed_key IS NOT NULL, c.embed_due, c.embed_key,
        md5(COALESCE(c.source_key, '') || '|' || COALESCE(c.content_raw, '') || '|' || COALESCE(c.content, '')
            || COALESCE('|' || NULLIF(c.instruct, ''), '')), c.embed_recipe, NULL)
       ) AS t (place, stage, written, due, made_key, wanted_key, recipe, fence)
  LEFT JOIN work w ON w.chunk_id = c.id AND w.stage = t.stage
  LEFT JOIN unsettled u ON u.chunk_id = c.id
  LEFT JOIN LATERAL (SELECT g.* FROM generation g
                      WHERE t.recipe IS NOT NULL AND g.chunk_id = c.id AND g.stage = t.stage AND g.fence = t.fence
                      ORDER BY g.id DESC LIMIT 1) AS g ON true
 WHERE c.id = ANY (CAST(:chunks AS bigint[])) AND (t.written OR doctown_runs(t.stage))
   AND (t.stage <> 'instruct' OR COALESCE(c.usable, true))
 ORDER BY array_position(CAST(:chunks AS bigint[]), c.id), t.place
