-- Renew every lease we hold in one statement. What does not come back is ours no more: rescued, closed by a
-- text written by hand, or deleted; its work is to be cancelled. What our own save has just closed does come back:
-- its worker may not have heard of it yet. (No UNION: it waits for a save under way and then sees it.)
-- Rows are locked in the order in which a save locks them: in another order the two would deadlock now and then.
WITH held AS MATERIALIZED (
    SELECT w.chunk_id, w.stage, h.fence
      FROM unnest(CAST(:chunks AS bigint[]), CAST(:stages AS text[]), CAST(:fences AS bigint[]))
           AS h (chunk_id, stage, fence)
      JOIN work w ON w.chunk_id = h.chunk_id AND w.stage = h.stage AND w.fence = h.fence
     WHERE w.state = 'leased' OR w.saved_fence = h.fence
     ORDER BY w.chunk_id, w.stage FOR NO KEY UPDATE OF w
)
UPDATE work w
   SET lease_until = CASE WHEN w.state = 'leased'
                          THEN clock_timestamp() + make_interval(secs => CAST(:lease_s AS double precision)) END
  FROM held
 WHERE w.chunk_id = held.chunk_id AND w.stage = held.stage AND w.fence = held.fence
   AND (w.state = 'leased' OR w.saved_fence = held.fence)
RETURNING w.chunk_id, w.stage, w.fence
