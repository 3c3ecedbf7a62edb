-- What stands in our name and we do not hold: the answer to a claim was lost on the way, or neither a save nor a
-- failure could be recorded. Due again at once, the attempt refunded: nobody worked on it, nobody crashed.
UPDATE work w
   SET state = 'due', run_at = clock_timestamp(), attempts = greatest(w.attempts - 1, 0),
       lease_owner = NULL, lease_until = NULL
 WHERE w.stage = :stage AND w.state = 'leased' AND w.lease_owner = CAST(:owner AS uuid)
   AND NOT EXISTS (SELECT FROM unnest(CAST(:chunks AS bigint[]), CAST(:fences AS bigint[])) AS held (chunk_id, fence)
                    WHERE held.chunk_id = w.chunk_id AND held.fence = w.fence)
RETURNING w.chunk_id
