-- FIGURES: unfinished work, counted state by state so that each count reads its own small index and never what is done.
-- The age is that of what has been due longest, or claimed longest.
SELECT repo_id, stage, lane, state, count(*) AS count,
       COALESCE(extract(epoch FROM clock_timestamp() - min(since)), 0)::double precision AS oldest_s
  FROM (SELECT repo_id, stage, lane, state, due_at AS since FROM work WHERE state = 'due'
        UNION ALL
        SELECT repo_id, stage, lane, state, due_at FROM work WHERE state = 'retrying'
        UNION ALL
        SELECT repo_id, stage, lane, state, leased_at FROM work WHERE state = 'leased'
        UNION ALL
        SELECT repo_id, stage, lane, state, run_at FROM work WHERE state = 'dead') unfinished
 GROUP BY repo_id, stage, lane, state
