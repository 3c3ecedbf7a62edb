-- An attempt failed: try again after :wait_s, or give up when :dead. The error stays readable in the row until the
-- work is done, and in the table of failures for some weeks.
WITH closed AS (
    UPDATE work w
       SET state = CASE WHEN CAST(:dead AS boolean) THEN 'dead' ELSE 'retrying' END,
           run_at = clock_timestamp() + make_interval(secs => CAST(:wait_s AS double precision)),
           lease_owner = NULL, lease_until = NULL,
           error_class = CAST(:error_class AS text), last_error = left(CAST(:error AS text), 4000)
      FROM work held
     WHERE w.chunk_id = :chunk_id AND w.stage = :stage AND w.fence = :fence AND w.state = 'leased'
       AND held.chunk_id = w.chunk_id AND held.stage = w.stage
    RETURNING w.*, held.lease_owner AS worker
), noted AS (
    INSERT INTO failure (repo_id, chunk_id, stage, fence, attempt, state, error_class, error, worker)
    SELECT repo_id, chunk_id, stage, fence, attempts, state, error_class, last_error, worker FROM closed
)
SELECT state FROM closed
