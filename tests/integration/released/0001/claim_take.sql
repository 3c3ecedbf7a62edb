-- CLAIM: take up to :limit pieces of one stage, fair over repositories, best lane first.
-- The recursion hops through the index from one (lane, repository) to the next, so that a repository with a
-- million pieces costs no more than one with ten. Each gets an equal share; what others lock is skipped.
-- Claims count as attempts at once: a worker that dies under a claim has used it up.
WITH RECURSIVE hop AS (
    (SELECT w.lane, w.repo_id FROM work w
      WHERE w.stage = :stage AND w.state = 'due' AND w.lane <= :max_lane
      ORDER BY w.lane, w.repo_id LIMIT 1)
    UNION ALL
    SELECT next.lane, next.repo_id FROM hop CROSS JOIN LATERAL (
        SELECT w.lane, w.repo_id FROM work w
         WHERE w.stage = :stage AND w.state = 'due' AND w.lane <= :max_lane
           AND (w.lane, w.repo_id) > (hop.lane, hop.repo_id)
         ORDER BY w.lane, w.repo_id LIMIT 1) next
), open AS (
    SELECT hop.lane, hop.repo_id, count(*) OVER (PARTITION BY hop.lane) AS rivals
      FROM hop JOIN repository r ON r.id = hop.repo_id
     WHERE NOT r.paused AND (r.indexing_until IS NULL OR r.indexing_until < clock_timestamp())
       AND (CAST(:repo_id AS bigint) IS NULL OR r.id = CAST(:repo_id AS bigint))
), candidate AS MATERIALIZED (
    SELECT share.chunk_id
      FROM open CROSS JOIN LATERAL (
        SELECT w.chunk_id, w.lane, w.priority FROM work w
         WHERE w.stage = :stage AND w.state = 'due' AND w.lane = open.lane AND w.repo_id = open.repo_id
         ORDER BY w.priority, w.chunk_id
         LIMIT greatest(1, ceil(CAST(:limit AS numeric) / open.rivals))
           FOR NO KEY UPDATE SKIP LOCKED) share
     ORDER BY share.lane LIMIT :limit
)
UPDATE work w
   SET state = 'leased', fence = w.fence + 1, attempts = w.attempts + 1,
       lease_owner = CAST(:owner AS uuid),
       lease_until = clock_timestamp() + make_interval(secs => CAST(:lease_s AS double precision))
  FROM candidate
 WHERE w.chunk_id = candidate.chunk_id AND w.stage = :stage
RETURNING w.chunk_id, w.repo_id, w.lane, w.fence, w.attempts, w.crashes, w.wanted_key, w.reason, w.priority
