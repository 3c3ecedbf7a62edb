-- Give claims back untouched: the attempt is refunded. :wait_s holds them back, 0 makes them due at once.
UPDATE work w
   SET state = CASE WHEN CAST(:wait_s AS double precision) > 0 THEN 'retrying' ELSE 'due' END,
       run_at = clock_timestamp() + make_interval(secs => CAST(:wait_s AS double precision)),
       attempts = greatest(w.attempts - 1, 0), lease_owner = NULL, lease_until = NULL,
       error_class = CAST(:error_class AS text), last_error = CAST(:error AS text)
  FROM unnest(CAST(:chunks AS bigint[]), CAST(:stages AS text[]), CAST(:fences AS bigint[]))
       AS held (chunk_id, stage, fence)
 WHERE w.chunk_id = held.chunk_id AND w.stage = held.stage AND w.fence = held.fence AND w.state = 'leased'
RETURNING w.chunk_id
