-- RECONCILE: where the queue is not what the data asks for, in one window of chunks, told by one snapshot.
-- missing: due and not in the queue. closed: due and marked done. stale: queued for what the data is no longer.
-- needless: queued although the text holds, and neither a person nor another recipe asked for a new one.
-- off: of a stage that is off.
SELECT c.id AS chunk_id, s.stage,
       CASE WHEN NOT s.stage = ANY (o.stages) THEN 'off'
            WHEN w.chunk_id IS NULL THEN 'missing'
            WHEN s.due AND w.state = 'done' THEN 'closed'
            WHEN s.due THEN 'stale'
            ELSE 'needless' END AS kind
  FROM chunk c
 CROSS JOIN (SELECT stages, filled FROM control) o
 CROSS JOIN LATERAL (VALUES
       ('coder', c.coder_due, c.source_key),
       ('talker', c.talker_due, md5(c.content_raw)),
       ('instruct', c.instruct_due, doctown_instruct_key(c.source_key, c.content_raw, c.sites_hash)),
       ('embed', c.embed_due, md5(COALESCE(c.source_key, '') || '|' || COALESCE(c.content_raw, '') || '|'
                                  || COALESCE(c.content, '') || COALESCE('|' || NULLIF(c.instruct, ''), '')))
     ) AS s (stage, due, wanted)
  LEFT JOIN work w ON w.chunk_id = c.id AND w.stage = s.stage
 WHERE c.id > :after AND (CAST(:upto AS bigint) IS NULL OR c.id <= CAST(:upto AS bigint))
   AND (CAST(:repo_id AS bigint) IS NULL OR c.repo_id = CAST(:repo_id AS bigint))
   AND CASE WHEN NOT s.stage = ANY (o.stages) THEN w.state IN ('due', 'retrying', 'dead')
            WHEN NOT s.stage = ANY (o.filled) THEN false  -- a switch is just filling it
            WHEN s.due THEN w.chunk_id IS NULL OR w.state = 'done' OR w.wanted_key IS DISTINCT FROM s.wanted
            ELSE w.state IN ('due', 'retrying', 'dead') AND w.reason NOT IN ('requeued', 'recipe', 'language') END
 ORDER BY c.id, s.stage
