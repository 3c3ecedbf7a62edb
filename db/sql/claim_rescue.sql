-- RESCUE: take back what a vanished worker held. One guarded statement, so that rescuers cannot race each
-- other, nor a save: the fence rises, and whoever still works under the old one saves nothing.
-- A chunk that took :max_crashes workers with it, or used up its attempts, is given up.
WITH gone AS (
    SELECT chunk_id, stage, lease_owner FROM work
     WHERE state = 'leased' AND lease_until < clock_timestamp()
     ORDER BY chunk_id LIMIT 200 FOR NO KEY UPDATE SKIP LOCKED
), rescued AS (
    UPDATE work w
       SET state = CASE WHEN w.crashes + 1 >= :max_crashes OR w.attempts >= :max_attempts THEN 'dead'
                        ELSE 'retrying' END,
           crashes = w.crashes + 1, fence = w.fence + 1, lease_owner = NULL, lease_until = NULL,
           run_at = clock_timestamp() + make_interval(
               secs => least(CAST(:cap_s AS double precision), CAST(:base_s AS double precision) * 2 ^ w.crashes)
                       * random()),
           error_class = 'crash', last_error = 'the worker that held it vanished'
      FROM gone
     WHERE w.chunk_id = gone.chunk_id AND w.stage = gone.stage
       AND w.state = 'leased' AND w.lease_until < clock_timestamp()
    RETURNING w.*, gone.lease_owner AS worker
), noted AS (
    INSERT INTO failure (repo_id, chunk_id, stage, fence, attempt, state, error_class, error, worker)
    SELECT repo_id, chunk_id, stage, fence - 1, attempts, state, error_class, last_error, worker FROM rescued
)
SELECT chunk_id, stage, state FROM rescued
