-- An attempt failed: try again after :wait_s, or give up when :dead. The error stays readable either way.
UPDATE work w
   SET state = CASE WHEN CAST(:dead AS boolean) THEN 'dead' ELSE 'retrying' END,
       run_at = clock_timestamp() + make_interval(secs => CAST(:wait_s AS double precision)),
       lease_owner = NULL, lease_until = NULL,
       error_class = CAST(:error_class AS text), last_error = left(CAST(:error AS text), 4000)
 WHERE w.chunk_id = :chunk_id AND w.stage = :stage AND w.fence = :fence AND w.state = 'leased'
RETURNING w.state
