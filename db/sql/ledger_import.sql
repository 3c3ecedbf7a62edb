-- LEDGER: take answers in that another database gave out, unless they are here already. They belong to no chunk; whoever
-- needs what they were made from finds them by their key.
WITH given AS (
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS d (
        stage text, key text, source_key text, model text, options jsonb, recipe text, prompt_fingerprint text,
        language text, output text, quality jsonb, prompt_tokens integer, output_tokens integer, duration_ms integer,
        regenerations smallint, made_from jsonb, created_at timestamptz)
), fresh AS (
    SELECT DISTINCT ON (given.key, md5(given.output)) given.* FROM given
     WHERE NOT EXISTS (SELECT FROM generation g WHERE g.key = given.key AND g.output = given.output)
     ORDER BY given.key, md5(given.output), given.created_at DESC
)
INSERT INTO generation (repo_id, chunk_id, stage, key, source_key, fence, model, options, recipe, prompt_fingerprint,
                        language, output, quality, prompt_tokens, output_tokens, duration_ms, regenerations, made_from,
                        worker)
SELECT 0, 0, f.stage, f.key, f.source_key, 0, f.model, COALESCE(f.options, '{}'), f.recipe, f.prompt_fingerprint,
       f.language, f.output, COALESCE(f.quality, '{}'), f.prompt_tokens, f.output_tokens, COALESCE(f.duration_ms, 0),
       COALESCE(f.regenerations, 0), f.made_from,
       'imported, written ' || to_char(f.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')
  FROM fresh f
 ORDER BY f.created_at, f.key
RETURNING id
