-- REFRESH: put into the queue, at the lowest priority, what other recipes made than these, for one window of chunks. What
-- a text is made from comes first: a Talker text waits for its Coder text, and wholes (:rank) for what they hold.
INSERT INTO work AS w (chunk_id, stage, repo_id, lane, priority, wanted_key, reason)
SELECT o.chunk_id, o.stage, o.repo_id, 2, o.priority, o.wanted_key, o.reason
  FROM doctown_outdated(CAST(:recipes AS jsonb)) o
 WHERE o.chunk_id > :after AND (CAST(:upto AS bigint) IS NULL OR o.chunk_id <= CAST(:upto AS bigint))
   AND o.repo_id = :repo_id AND NOT o.waits AND (o.rank = :rank OR o.stage <> 'coder' AND :rank = 0)
 ORDER BY o.chunk_id, o.stage
ON CONFLICT (chunk_id, stage) DO UPDATE SET
       state = 'due', lane = 2, reason = excluded.reason, wanted_key = excluded.wanted_key, attempts = 0, crashes = 0,
       run_at = clock_timestamp(), due_at = clock_timestamp()
 WHERE w.state = 'done'
RETURNING w.chunk_id, w.stage, w.reason
