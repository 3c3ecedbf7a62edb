-- Whether a person waits for something of this stage that may be claimed now.
SELECT EXISTS (
    SELECT FROM work w JOIN repository r ON r.id = w.repo_id
     WHERE w.stage = :stage AND w.state = 'due' AND w.lane = 0
       AND (CAST(:repo_id AS bigint) IS NULL OR w.repo_id = CAST(:repo_id AS bigint))
       AND NOT r.paused AND NOT (SELECT control.paused FROM control)
       AND (r.indexing_until IS NULL OR r.indexing_until < clock_timestamp())
       AND (:stage = 'embed' OR COALESCE(r.budget_until <= clock_timestamp(), true)
                             AND NOT EXISTS (SELECT FROM control WHERE control.budget_until > clock_timestamp())))
