-- Renew every lease we hold in one statement. What does not come back is ours no more: rescued, closed by a
-- text written by hand, or deleted; its work is to be cancelled.
UPDATE work w
   SET lease_until = clock_timestamp() + make_interval(secs => CAST(:lease_s AS double precision))
  FROM unnest(CAST(:chunks AS bigint[]), CAST(:stages AS text[]), CAST(:fences AS bigint[]))
       AS held (chunk_id, stage, fence)
 WHERE w.chunk_id = held.chunk_id AND w.stage = held.stage AND w.fence = held.fence AND w.state = 'leased'
RETURNING w.chunk_id, w.stage, w.fence
