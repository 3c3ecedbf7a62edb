-- What stands in our name and we do not hold: the answer to a claim was lost on the way, or neither a save nor a
-- failure could be recorded. Due again at once, the attempt refunded: nobody worked on it, nobody crashed.
-- Rows are locked in the order in which saves lock them.
WITH ours AS MATERIALIZED (
    SELECT w.chunk_id, w.fence FROM work w
     WHERE w.stage = :stage AND w.state = 'leased' AND w.lease_owner = CAST(:owner AS uuid)
       AND NOT EXISTS (SELECT FROM unnest(CAST(:chunks AS bigint[]), CAST(:fences AS bigint[])) AS held (chunk_id, fence)
                        WHERE held.chunk_id = w.chunk_id AND held.fence = w.fence)
     ORDER BY w.chunk_id FOR NO KEY UPDATE
)
UPDATE work w
   SET state = 'due', run_at = clock_timestamp(), attempts = greatest(w.attempts - 1, 0),
       lease_owner = NULL, lease_until = NULL
  FROM ours
 WHERE w.chunk_id = ours.chunk_id AND w.stage = :stage AND w.fence = ours.fence AND w.state = 'leased'
RETURNING w.chunk_id
