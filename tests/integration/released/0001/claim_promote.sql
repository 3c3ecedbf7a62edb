-- What waited for its next try and whose time has come is due again.
UPDATE work w SET state = 'due'
  FROM (SELECT chunk_id, stage FROM work
         WHERE state = 'retrying' AND run_at <= clock_timestamp()
         ORDER BY run_at LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED) ready
 WHERE w.chunk_id = ready.chunk_id AND w.stage = ready.stage
RETURNING w.stage
