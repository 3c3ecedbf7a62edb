-- What could be worked on: due now, or later and when; paused repositories and those being indexed are left out, and
-- those whose budget is used up until the day turns. Where it is only held by calls under way, they come back soon.
SELECT count(*) FILTER (WHERE w.state = 'due' AND gate.until IS NULL) AS due,
       count(*) FILTER (WHERE w.state = 'retrying' OR gate.until IS NOT NULL) AS retrying,
       extract(epoch FROM min(CASE WHEN w.state = 'retrying' THEN greatest(w.run_at, gate.until) ELSE gate.until END)
                          - clock_timestamp())::double precision AS next_s
  FROM work w
  JOIN repository r ON r.id = w.repo_id
 CROSS JOIN LATERAL (
       SELECT max(until) AS until FROM (VALUES (r.budget_until), ((SELECT budget_until FROM control))) AS g (until)
        WHERE w.stage <> 'embed' AND until > clock_timestamp()) gate
 WHERE w.state IN ('due', 'retrying') AND w.stage = ANY (CAST(:stages AS text[])) AND w.lane <= :max_lane
   AND (CAST(:repo_id AS bigint) IS NULL OR w.repo_id = CAST(:repo_id AS bigint))
   AND NOT r.paused AND NOT (SELECT control.paused FROM control)
   AND (r.indexing_until IS NULL OR r.indexing_until < clock_timestamp())
   AND (gate.until IS NULL OR gate.until < clock_timestamp() + interval '1 minute')
