-- CLAIM: take up to :limit pieces of one stage, fair over repositories by weight, best lane first.
-- The recursion hops through the index from one (lane, repository) to the next, so that a repository with a
-- million pieces costs no more than one with ten. What others lock is skipped.
-- Whose turn it is: start-time fair queueing. :served names how far each repository has come in a lane, as the
-- worker counts it (pieces / weight); who has come least far is served first, and nobody saves turns up by having
-- had nothing to do, because all start from :virtual at least. :aged of the pieces are those that have waited
-- longest in the lane of refreshes, whatever is new; only what a person waits for goes before them. Claims count as attempts at once: a worker that dies under
-- a claim has used it up.
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
), open AS MATERIALIZED (
    SELECT hop.lane, hop.repo_id, r.weight,
           greatest((CAST(:virtual AS double precision[]))[hop.lane + 1], s.tag) AS tag
      FROM hop JOIN repository r ON r.id = hop.repo_id
      LEFT JOIN jsonb_to_recordset(CAST(:served AS jsonb)) AS s (lane smallint, repo_id bigint, tag double precision)
             ON s.lane = hop.lane AND s.repo_id = hop.repo_id
     WHERE NOT r.paused AND NOT (SELECT control.paused FROM control)
       AND (r.indexing_until IS NULL OR r.indexing_until < clock_timestamp())
       AND (:stage = 'embed' OR COALESCE(r.budget_until <= clock_timestamp(), true)
                             AND NOT EXISTS (SELECT FROM control WHERE control.budget_until > clock_timestamp()))
       AND (CAST(:repo_id AS bigint) IS NULL OR r.id = CAST(:repo_id AS bigint))
), share AS (
    -- No more repositories than can be served; a few to spare, because others may just be claiming from them.
    SELECT near.*, ceil(CAST(:limit AS numeric) * near.weight / sum(near.weight) OVER (PARTITION BY near.lane)) AS most
      FROM (SELECT * FROM open ORDER BY lane, tag, repo_id LIMIT greatest(:limit, 16)) near
), due AS MATERIALIZED (
    SELECT piece.chunk_id, piece.priority, share.lane, share.repo_id, share.tag, share.weight
      FROM share CROSS JOIN LATERAL (
        SELECT w.chunk_id, w.priority FROM work w
         WHERE w.stage = :stage AND w.state = 'due' AND w.lane = share.lane AND w.repo_id = share.repo_id
         ORDER BY w.priority, w.chunk_id
         LIMIT share.most FOR NO KEY UPDATE SKIP LOCKED) piece
), aged AS MATERIALIZED (
    -- First looked for, then locked: a lock is written to the log, and there are as many repositories as there are.
    -- With some to spare, as above; what is missing all the same is made up for by the next claim.
    SELECT w.chunk_id, old.tag, old.weight
      FROM (SELECT piece.chunk_id, piece.due_at, open.tag, open.weight
              FROM open CROSS JOIN LATERAL (
                SELECT w.chunk_id, w.due_at FROM work w
                 WHERE w.stage = :stage AND w.state = 'due' AND w.lane = 2 AND w.repo_id = open.repo_id
                 ORDER BY w.due_at LIMIT :aged + 1) piece
             WHERE open.lane = 2 AND :aged > 0
             ORDER BY piece.due_at LIMIT 2 * :aged + 2) old
      JOIN work w ON w.chunk_id = old.chunk_id AND w.stage = :stage AND w.state = 'due' AND w.lane = 2
     ORDER BY old.due_at LIMIT :aged FOR NO KEY UPDATE OF w SKIP LOCKED
), candidate AS MATERIALIZED (
    SELECT chunk_id, min(place) AS place, min(start) AS start, min(weight) AS weight FROM (
        SELECT chunk_id, 0.5 AS place, tag AS start, weight FROM aged
         UNION ALL
        SELECT chunk_id, lane, tag + CAST(row_number() OVER (PARTITION BY lane, repo_id ORDER BY priority, chunk_id) - 1
                                          AS double precision) / weight, weight
          FROM due) picked
     GROUP BY chunk_id ORDER BY 2, 3, chunk_id LIMIT :limit
)
UPDATE work w
   SET state = 'leased', fence = w.fence + 1, attempts = w.attempts + 1,
       lease_owner = CAST(:owner AS uuid), leased_at = clock_timestamp(),
       lease_until = clock_timestamp() + make_interval(secs => CAST(:lease_s AS double precision))
  FROM candidate
 WHERE w.chunk_id = candidate.chunk_id AND w.stage = :stage
RETURNING w.chunk_id, w.repo_id, w.lane, w.fence, w.attempts, w.crashes, w.wanted_key, w.reason, w.priority,
          candidate.start, candidate.weight,
          extract(epoch FROM clock_timestamp() - w.due_at)::double precision AS waited_s
