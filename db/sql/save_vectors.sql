-- SAVE of vectors: as save_texts, for the stage embed. A field without a vector in the draft is unchanged.
-- Vectors are kept even when a text of the chunk changed meanwhile: each says by its hash which text it was made
-- from, and the row goes back to due, where only what differs is computed.
WITH draft AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(CAST(:drafts AS jsonb)) AS d (
        chunk_id bigint, fence bigint, wanted_key text, recipe text, idents text, words text, vectors jsonb)
), target AS MATERIALIZED (
    SELECT c.id FROM chunk c WHERE c.id IN (SELECT chunk_id FROM draft) ORDER BY c.id FOR NO KEY UPDATE
), piece AS MATERIALIZED (
    SELECT w.chunk_id, w.repo_id, w.state, w.saved_fence, w.wanted_key
      FROM work w
      JOIN draft d ON d.chunk_id = w.chunk_id
      JOIN target ON target.id = w.chunk_id
     WHERE w.stage = 'embed' AND w.fence = d.fence
     ORDER BY w.chunk_id FOR NO KEY UPDATE OF w
), held AS (
    SELECT d.*, piece.repo_id, piece.wanted_key IS NOT DISTINCT FROM d.wanted_key AS fresh
      FROM piece JOIN draft d ON d.chunk_id = piece.chunk_id
     WHERE piece.state = 'leased'
), stored AS (
    INSERT INTO embedding (chunk_id, field, model_id, repo_id, text_hash, vector)
    SELECT h.chunk_id, v.field, :model_id, h.repo_id, v.text_hash, CAST(v.vector AS vector)
      FROM held h
     CROSS JOIN LATERAL jsonb_to_recordset(h.vectors) AS v (field text, text_hash text, vector text)
    ON CONFLICT (chunk_id, field, model_id) DO UPDATE
       SET text_hash = excluded.text_hash, vector = excluded.vector
), written AS (
    UPDATE chunk c
       SET embed_key = h.wanted_key, embed_recipe = h.recipe,
           idents = COALESCE(h.idents, c.idents), words = COALESCE(h.words, c.words)
      FROM held h
     WHERE h.fresh AND c.id = h.chunk_id
), closed AS (
    UPDATE work w
       SET state = CASE WHEN h.fresh THEN 'done' ELSE 'due' END,
           saved_fence = CASE WHEN h.fresh THEN h.fence ELSE w.saved_fence END,
           attempts = CASE WHEN h.fresh THEN w.attempts ELSE greatest(w.attempts - 1, 0) END,
           done_at = CASE WHEN h.fresh THEN clock_timestamp() ELSE w.done_at END,
           run_at = clock_timestamp(), lease_owner = NULL, lease_until = NULL,
           error_class = NULL, last_error = NULL
      FROM held h
     WHERE w.chunk_id = h.chunk_id AND w.stage = 'embed'
)
SELECT d.chunk_id, 'embed' AS stage,
       CASE WHEN h.fresh THEN 'saved'
            WHEN NOT h.fresh THEN 'outdated'
            WHEN piece.saved_fence = d.fence THEN 'saved'
            ELSE 'lost' END AS outcome
  FROM draft d
  LEFT JOIN piece ON piece.chunk_id = d.chunk_id
  LEFT JOIN held h ON h.chunk_id = d.chunk_id
