-- BUDGET: a call has ended: put what it used in the place of the most that it was counted with. A call that nobody
-- answered is not counted at all (:calls 0). A hold that ran out meanwhile is counted still: it is corrected the same.
UPDATE budget_use u
   SET calls = u.calls + :calls - 1,
       tokens = u.tokens + :tokens - :held_tokens,
       seconds = u.seconds + :seconds - CAST(:held_seconds AS double precision),
       held_calls = greatest(u.held_calls - 1, 0),
       held_tokens = greatest(u.held_tokens - :held_tokens, 0),
       held_seconds = greatest(u.held_seconds - CAST(:held_seconds AS double precision), 0)
  FROM (SELECT repo_id FROM budget_use WHERE day = CAST(:day AS date) AND repo_id IN (0, CAST(:repo_id AS bigint))
         ORDER BY repo_id FOR NO KEY UPDATE) mine
 WHERE u.day = CAST(:day AS date) AND u.repo_id = mine.repo_id
