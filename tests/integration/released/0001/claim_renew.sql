-- Renew every lease we hold in one statement. What does not come back is ours no more: rescued, closed by a
-- text written by hand, or deleted; its work is to be cancelled. What our own save has just closed does come back:
-- its worker may not have heard of it yet. (One UPDATE, no UNION: it waits for a save under way and then sees it.)
UPDATE work w
   SET lease_until = CASE WHEN w.state = 'leased'
                          THEN clock_timestamp() + make_interval(secs => CAST(:lease_s AS double precision)) END
  FROM unnest(CAST(:chunks AS bigint[]), CAST(:stages AS text[]), CAST(:fences AS bigint[]))
       AS held (chunk_id, stage, fence)
 WHERE w.chunk_id = held.chunk_id AND w.stage = held.stage AND w.fence = held.fence
   AND (w.state = 'leased' OR w.saved_fence = held.fence)
RETURNING w.chunk_id, w.stage, w.fence
