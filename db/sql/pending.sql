-- What could be worked on: due now, or retrying and when; paused repositories and those being indexed are left out.
SELECT count(*) FILTER (WHERE w.state = 'due') AS due,
       count(*) FILTER (WHERE w.state = 'retrying') AS retrying,
       extract(epoch FROM min(w.run_at) FILTER (WHERE w.state = 'retrying') - clock_timestamp())::double precision
           AS next_s
  FROM work w JOIN repository r ON r.id = w.repo_id
 WHERE w.state IN ('due', 'retrying') AND w.stage = ANY (CAST(:stages AS text[])) AND w.lane <= :max_lane
   AND (CAST(:repo_id AS bigint) IS NULL OR w.repo_id = CAST(:repo_id AS bigint))
   AND NOT r.paused AND NOT (SELECT control.paused FROM control)
   AND (r.indexing_until IS NULL OR r.indexing_until < clock_timestamp())
