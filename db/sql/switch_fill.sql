-- SWITCH: put into the queue what a stage that was turned on lacks, for one window of chunks. Rows of an earlier time
-- come back to life with their fence, so that whoever still held one then saves nothing now.
INSERT INTO work AS w (chunk_id, stage, repo_id, priority, wanted_key, reason)
SELECT c.id, s.stage, c.repo_id, c.priority, s.wanted, CASE WHEN COALESCE(s.text, '') = '' THEN 'new' ELSE s.reason END
  FROM chunk c
 CROSS JOIN LATERAL (VALUES
       ('coder', c.coder_due, c.source_key, c.content_raw, 'source'),
       ('talker', c.talker_due, md5(c.content_raw), c.content, 'raw-changed'),
       ('instruct', c.instruct_due, doctown_instruct_key(c.source_key, c.content_raw, c.sites_hash), c.instruct,
        'raw-changed'),
       ('embed', c.embed_due, md5(COALESCE(c.source_key, '') || '|' || COALESCE(c.content_raw, '') || '|'
                                  || COALESCE(c.content, '') || COALESCE('|' || NULLIF(c.instruct, ''), '')),
        c.embed_key, 'raw-changed')
     ) AS s (stage, due, wanted, text, reason)
 WHERE c.id > :after AND (CAST(:upto AS bigint) IS NULL OR c.id <= CAST(:upto AS bigint))
   AND s.stage = :stage AND s.due
 ORDER BY c.id
ON CONFLICT (chunk_id, stage) DO UPDATE SET
       state = 'due', wanted_key = excluded.wanted_key, reason = excluded.reason, priority = excluded.priority,
       lane = 1, attempts = 0, crashes = 0, run_at = clock_timestamp(), due_at = clock_timestamp()
 WHERE w.state = 'done'
RETURNING w.chunk_id
