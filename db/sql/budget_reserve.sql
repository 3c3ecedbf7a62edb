-- BUDGET: count one call before it is made, with the most that it may use, for its repository and for all together
-- (row 0); nothing is counted unless it fits into both. The rows are locked in one order and judged as they are after
-- the wait, so that any number of daemons share them exactly. Tokens never go beyond a limit; seconds do by the one
-- call that gets the last of them, because nobody knows before how long an answer takes.
-- No row comes back for a scope that has none yet today.
WITH today AS MATERIALIZED (
    SELECT CAST(clock_timestamp() AT TIME ZONE CAST(:timezone AS text) AS date) AS day
), allowed AS (
    SELECT s.repo_id, COALESCE(l.calls, s.calls) AS calls, COALESCE(l.tokens, s.tokens) AS tokens,
           COALESCE(l.seconds, s.seconds) AS seconds
      FROM (VALUES (CAST(0 AS bigint), CAST(:calls AS bigint), CAST(:tokens AS bigint),
                    CAST(:seconds AS double precision)),
                   (CAST(:repo_id AS bigint), CAST(:repo_calls AS bigint), CAST(:repo_tokens AS bigint),
                    CAST(:repo_seconds AS double precision))) AS s (repo_id, calls, tokens, seconds)
      LEFT JOIN budget_limit l ON l.repo_id = s.repo_id
), used AS MATERIALIZED (
    SELECT u.* FROM budget_use u JOIN today ON today.day = u.day
     WHERE u.repo_id IN (0, CAST(:repo_id AS bigint))
     ORDER BY u.repo_id FOR NO KEY UPDATE OF u
), judged AS MATERIALIZED (
    SELECT u.repo_id, a.calls AS calls_limit, a.tokens AS tokens_limit, a.seconds AS seconds_limit,
           u.calls, u.tokens, u.seconds, u.held_until > clock_timestamp() AS holding,
           u.held_calls, u.held_tokens, u.held_seconds,
           CASE WHEN u.calls + 1 > a.calls THEN 'calls'
                WHEN u.tokens + CAST(:most_tokens AS bigint) > a.tokens THEN 'tokens'
                WHEN u.seconds >= a.seconds THEN 'seconds' END AS lacking
      FROM used u JOIN allowed a ON a.repo_id = u.repo_id
), grant_of AS (
    SELECT least(CAST(:most_seconds AS double precision), min(seconds_limit - seconds)) AS seconds
      FROM judged HAVING count(*) = 2 AND count(lacking) = 0
), counted AS (
    UPDATE budget_use u
       SET calls = u.calls + 1, tokens = u.tokens + :most_tokens, seconds = u.seconds + g.seconds,
           held_calls = CASE WHEN j.holding THEN u.held_calls ELSE 0 END + 1,
           held_tokens = CASE WHEN j.holding THEN u.held_tokens ELSE 0 END + :most_tokens,
           held_seconds = CASE WHEN j.holding THEN u.held_seconds ELSE 0 END + g.seconds,
           held_until = greatest(u.held_until,
                                 clock_timestamp() + make_interval(secs => CAST(:hold_s AS double precision)))
      FROM judged j, today, grant_of g
     WHERE u.day = today.day AND u.repo_id = j.repo_id
)
SELECT j.repo_id, today.day, j.lacking, (SELECT seconds FROM grant_of) AS seconds_held,
       CASE j.lacking WHEN 'calls' THEN j.calls WHEN 'tokens' THEN j.tokens ELSE j.seconds END AS counted,
       CASE j.lacking WHEN 'calls' THEN j.calls_limit WHEN 'tokens' THEN j.tokens_limit ELSE j.seconds_limit END AS most,
       -- Others may give something back soon: what they hold is counted at its most.
       CASE WHEN NOT j.holding THEN false
            WHEN j.lacking = 'calls' THEN j.calls - j.held_calls + 1 <= j.calls_limit
            WHEN j.lacking = 'tokens' THEN j.tokens - j.held_tokens + :most_tokens <= j.tokens_limit
            WHEN j.lacking = 'seconds' THEN j.seconds - j.held_seconds < j.seconds_limit END AS soon,
       (CAST(today.day + 1 AS timestamp) AT TIME ZONE CAST(:timezone AS text)) AS turns_at
  FROM judged j CROSS JOIN today
 ORDER BY j.lacking IS NULL, soon, j.repo_id
