-- Give claims back untouched: the attempt is refunded. :wait_s holds them back, 0 makes them due at once. With an
-- error (an endpoint was away) it is noted among the failures; a call that the budget did not allow is none.
-- Rows are locked in the order in which saves lock them.
WITH mine AS MATERIALIZED (
    SELECT w.chunk_id, w.stage, ours.fence, w.attempts, w.lease_owner
      FROM unnest(CAST(:chunks AS bigint[]), CAST(:stages AS text[]), CAST(:fences AS bigint[]))
           AS ours (chunk_id, stage, fence)
      JOIN work w ON w.chunk_id = ours.chunk_id AND w.stage = ours.stage
     WHERE w.fence = ours.fence
     ORDER BY w.chunk_id, w.stage FOR NO KEY UPDATE OF w
), given AS (
    UPDATE work w
       SET state = CASE WHEN CAST(:wait_s AS double precision) > 0 THEN 'retrying' ELSE 'due' END,
           run_at = clock_timestamp() + make_interval(secs => CAST(:wait_s AS double precision)),
           attempts = greatest(w.attempts - 1, 0), lease_owner = NULL, lease_until = NULL,
           error_class = CAST(:error_class AS text), last_error = left(CAST(:error AS text), 4000)
      FROM mine
     WHERE w.chunk_id = mine.chunk_id AND w.stage = mine.stage AND w.fence = mine.fence AND w.state = 'leased'
    RETURNING w.*, mine.attempts AS attempt, mine.lease_owner AS worker
), noted AS (
    INSERT INTO failure (repo_id, chunk_id, stage, fence, attempt, state, error_class, error, worker)
    SELECT repo_id, chunk_id, stage, fence, attempt, state, COALESCE(error_class, ''), last_error, worker
      FROM given WHERE last_error IS NOT NULL AND error_class IS DISTINCT FROM 'budget'
)
SELECT chunk_id FROM given
