-- SAVE: texts, ledger and the closing of their work rows, all or nothing, each only while its claim holds.
-- Locks go chunk first, then work, like those of a plain UPDATE on chunk and its trigger.
-- held: the claim is still ours. fresh: and the chunk is still made from what the text was made from; if not,
-- the row goes back to due with the attempt refunded. A repeated save (the answer to COMMIT was lost) finds
-- saved_fence = fence and is told so.
WITH draft AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(CAST(:drafts AS jsonb)) AS d (
        chunk_id bigint, stage text, fence bigint, wanted_key text, output text, key text, recipe text,
        model text, options jsonb, prompt_fingerprint text, language text, language_detected text, quality jsonb,
        prompt_tokens integer, output_tokens integer, duration_ms integer, regenerations smallint,
        reused_from bigint, made_from jsonb)
), target AS MATERIALIZED (
    SELECT c.id FROM chunk c WHERE c.id IN (SELECT chunk_id FROM draft) ORDER BY c.id FOR NO KEY UPDATE
), piece AS MATERIALIZED (
    SELECT w.chunk_id, w.stage, w.repo_id, w.fence, w.state, w.saved_fence, w.wanted_key, w.reason
      FROM work w
      JOIN draft d ON d.chunk_id = w.chunk_id AND d.stage = w.stage
      JOIN target ON target.id = w.chunk_id
     WHERE w.fence = d.fence
     ORDER BY w.chunk_id, w.stage FOR NO KEY UPDATE OF w
), held AS (
    SELECT d.*, piece.repo_id, piece.reason, piece.wanted_key IS NOT DISTINCT FROM d.wanted_key AS fresh
      FROM piece JOIN draft d ON d.chunk_id = piece.chunk_id AND d.stage = piece.stage
     WHERE piece.state = 'leased'
), written AS (
    UPDATE chunk c
       SET content_raw    = CASE h.stage WHEN 'coder' THEN h.output ELSE c.content_raw END,
           raw_key        = CASE h.stage WHEN 'coder' THEN h.wanted_key ELSE c.raw_key END,
           raw_recipe     = CASE h.stage WHEN 'coder' THEN h.recipe ELSE c.raw_recipe END,
           raw_fence      = CASE h.stage WHEN 'coder' THEN h.fence ELSE c.raw_fence END,
           content        = CASE h.stage WHEN 'talker' THEN h.output ELSE c.content END,
           content_key    = CASE h.stage WHEN 'talker' THEN h.wanted_key ELSE c.content_key END,
           content_recipe = CASE h.stage WHEN 'talker' THEN h.recipe ELSE c.content_recipe END,
           content_fence  = CASE h.stage WHEN 'talker' THEN h.fence ELSE c.content_fence END,
           instruct        = CASE h.stage WHEN 'instruct' THEN h.output ELSE c.instruct END,
           instruct_key    = CASE h.stage WHEN 'instruct' THEN h.wanted_key ELSE c.instruct_key END,
           instruct_recipe = CASE h.stage WHEN 'instruct' THEN h.recipe ELSE c.instruct_recipe END,
           instruct_fence  = CASE h.stage WHEN 'instruct' THEN h.fence ELSE c.instruct_fence END,
           lang_detected  = COALESCE(h.language_detected, c.lang_detected),
           explain_quality = c.explain_quality || jsonb_build_object(h.stage, h.quality),
           updated_at     = CASE WHEN h.output IS DISTINCT FROM
                                      CASE h.stage WHEN 'coder' THEN c.content_raw
                                                   WHEN 'talker' THEN c.content ELSE c.instruct END
                                 THEN clock_timestamp() ELSE c.updated_at END
      FROM held h
     WHERE h.fresh AND c.id = h.chunk_id
), ledger AS (
    INSERT INTO generation (repo_id, chunk_id, stage, key, source_key, fence, model, options, recipe,
                            prompt_fingerprint, language, output, reused_from, quality, prompt_tokens,
                            output_tokens, duration_ms, regenerations, worker, made_from)
    SELECT h.repo_id, h.chunk_id, h.stage, h.key, h.wanted_key, h.fence, h.model, h.options, h.recipe,
           h.prompt_fingerprint, h.language, CASE WHEN h.reused_from IS NULL THEN h.output END, h.reused_from,
           h.quality, h.prompt_tokens, h.output_tokens, h.duration_ms, h.regenerations, :worker, h.made_from
      FROM held h WHERE h.fresh
), closed AS (
    UPDATE work w
       SET state = CASE WHEN h.fresh THEN 'done' ELSE 'due' END,
           saved_fence = CASE WHEN h.fresh THEN h.fence ELSE w.saved_fence END,
           attempts = CASE WHEN h.fresh THEN w.attempts ELSE greatest(w.attempts - 1, 0) END,
           done_at = CASE WHEN h.fresh THEN clock_timestamp() ELSE w.done_at END,
           run_at = clock_timestamp(), lease_owner = NULL, lease_until = NULL,
           error_class = NULL, last_error = NULL
      FROM held h
     WHERE w.chunk_id = h.chunk_id AND w.stage = h.stage
), behind AS (
    -- The text came out as it was, so nothing else tells the stages behind it that another recipe made theirs: they
    -- waited for this (see refresh_fill.sql).
    INSERT INTO work AS w (chunk_id, stage, repo_id, lane, priority, wanted_key, reason)
    SELECT o.chunk_id, o.stage, o.repo_id, 2, o.priority, o.wanted_key, o.reason
      FROM held h
     CROSS JOIN control
      JOIN chunk c ON c.id = h.chunk_id AND c.content_raw = h.output
     CROSS JOIN LATERAL doctown_outdated(control.recipes) o
     WHERE h.stage = 'coder' AND h.fresh AND (h.reason IN ('recipe', 'language') OR control.refresh = 'auto')
       AND o.chunk_id = h.chunk_id AND o.stage IN ('talker', 'instruct') AND o.stage = ANY (control.stages)
     ORDER BY o.chunk_id, o.stage
    ON CONFLICT (chunk_id, stage) DO UPDATE SET
           state = 'due', lane = 2, reason = excluded.reason, wanted_key = excluded.wanted_key, attempts = 0,
           crashes = 0, run_at = clock_timestamp(), due_at = clock_timestamp()
     WHERE w.state = 'done'
)
SELECT d.chunk_id, d.stage,
       CASE WHEN h.fresh THEN 'saved'
            WHEN NOT h.fresh THEN 'outdated'
            WHEN piece.saved_fence = d.fence THEN 'saved'
            ELSE 'lost' END AS outcome
  FROM draft d
  LEFT JOIN piece ON piece.chunk_id = d.chunk_id AND piece.stage = d.stage
  LEFT JOIN held h ON h.chunk_id = d.chunk_id AND h.stage = d.stage
