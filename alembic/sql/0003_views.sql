-- The SQL doors to how good the texts are and where they come from: the views quality and provenance.

-- One row per chunk and text that is there. stage names who writes it; made_key is what it was made from and
-- wanted_key what it would be made from now.
CREATE VIEW doctown_texts AS
SELECT c.id AS chunk_id, c.repo_id, r.name AS repo, n.fqn, n.kind, n.lang, f.path, c.part, t.place, t.stage, t.field,
       t.text, t.made_key, t.wanted_key, t.recipe, t.fence, t.due, c.explain_quality -> t.stage AS figures
  FROM chunk c
  JOIN node n ON n.id = c.node_id
  JOIN repository r ON r.id = c.repo_id
  LEFT JOIN file f ON f.id = n.file_id
 CROSS JOIN LATERAL (VALUES
       (1, 'coder', 'content_raw', c.content_raw, c.raw_key, c.source_key, c.raw_recipe, c.raw_fence, c.coder_due),
       (2, 'talker', 'content', c.content, c.content_key, md5(c.content_raw), c.content_recipe, c.content_fence,
        c.talker_due)
       ) AS t (place, stage, field, text, made_key, wanted_key, recipe, fence, due)
 WHERE COALESCE(t.text, '') <> '';

COMMENT ON VIEW doctown_texts IS 'Every text that is there, with what it was made from; quality and provenance stand on it.';

-- Texts written by hand are not judged: no guard saw them.
CREATE VIEW quality AS
SELECT t.repo, t.fqn, t.kind, t.path, t.stage, t.part,
       (t.figures ->> 'score')::double precision AS score,
       COALESCE((t.figures ->> 'flagged')::boolean, false) AS flagged,
       CASE jsonb_typeof(t.figures -> 'defects')
            WHEN 'object' THEN ARRAY(SELECT jsonb_object_keys(t.figures -> 'defects') ORDER BY 1)
            ELSE '{}' END AS defects,
       (t.figures ->> 'attempts')::integer AS attempts,
       ARRAY(SELECT code
               FROM jsonb_array_elements(CASE jsonb_typeof(t.figures -> 'rejected')
                                         WHEN 'array' THEN t.figures -> 'rejected' ELSE '[]' END) AS tried (codes)
              CROSS JOIN LATERAL jsonb_array_elements_text(CASE jsonb_typeof(tried.codes)
                                         WHEN 'array' THEN tried.codes ELSE '[]' END) AS found (code)
              ORDER BY 1) AS rejected,
       g.language,
       t.figures ->> 'language_detected' AS language_detected,
       (t.figures ->> 'language_ratio')::double precision AS language_ratio,
       (t.figures ->> 'sections')::double precision AS sections,
       (t.figures ->> 'grounded')::double precision AS grounded,
       (t.figures ->> 'copied')::double precision AS copied,
       (t.figures ->> 'repeated')::double precision AS repeated,
       (t.figures ->> 'params_named')::double precision AS params_named,
       (t.figures ->> 'jargon')::double precision AS jargon,
       (t.figures ->> 'names')::double precision AS names,
       (t.figures ->> 'reading_ease')::double precision AS reading_ease,
       (t.figures ->> 'words')::double precision AS words,
       COALESCE(t.figures ->> 'model', g.model) AS model,
       g.prompt_fingerprint, t.recipe, g.created_at AS written_at, t.due AS stale, t.chunk_id
  FROM doctown_texts t
  LEFT JOIN LATERAL (SELECT g.* FROM generation g
                      WHERE g.chunk_id = t.chunk_id AND g.stage = t.stage AND g.fence = t.fence
                      ORDER BY g.id DESC LIMIT 1) AS g ON true
 WHERE t.recipe IS NOT NULL;

COMMENT ON VIEW quality IS 'How good each text is, one row per chunk and stage, as the guards measured it.';

-- origin: model (asked for this chunk), ledger (made from the same before: reused_from names the generation that holds
-- it, first_* say how that one came about), hand (written by a person or another program), forgotten (the ledger is
-- bounded, and its row is gone).
CREATE VIEW provenance AS
SELECT t.repo, t.fqn, t.kind, t.path, t.part, t.place, t.field, t.stage,
       CASE WHEN t.recipe IS NULL THEN 'hand'
            WHEN g.id IS NULL THEN 'forgotten'
            WHEN g.reused_from IS NOT NULL THEN 'ledger'
            ELSE 'model' END AS origin,
       COALESCE(g.model, t.figures ->> 'model') AS model, g.quality ->> 'digest' AS model_digest, g.options,
       g.prompt_fingerprint, t.recipe, g.language, t.made_key AS source_key, g.key, g.quality -> 'hints' AS hints,
       (g.quality ->> 'attempts')::integer AS attempts, g.quality -> 'rejected' AS rejected,
       (g.quality ->> 'score')::double precision AS score, g.quality -> 'defects' AS defects,
       g.prompt_tokens, g.output_tokens, g.duration_ms, g.regenerations, g.worker, g.created_at AS written_at,
       g.id AS generation, g.reused_from,
       first.chunk_id AS first_chunk_id, first_node.fqn AS first_fqn, first_repo.name AS first_repo,
       first.prompt_tokens AS first_prompt_tokens, first.output_tokens AS first_output_tokens,
       first.duration_ms AS first_duration_ms, first.worker AS first_worker, first.created_at AS first_written_at,
       t.made_key IS DISTINCT FROM t.wanted_key AS outdated, t.chunk_id
  FROM doctown_texts t
  LEFT JOIN LATERAL (SELECT g.* FROM generation g
                      WHERE t.recipe IS NOT NULL
                        AND g.chunk_id = t.chunk_id AND g.stage = t.stage AND g.fence = t.fence
                      ORDER BY g.id DESC LIMIT 1) AS g ON true
  LEFT JOIN generation first ON first.id = g.reused_from
  LEFT JOIN repository first_repo ON first_repo.id = first.repo_id
  LEFT JOIN chunk first_chunk ON first_chunk.id = first.chunk_id
  LEFT JOIN node first_node ON first_node.id = first_chunk.node_id;

COMMENT ON VIEW provenance IS 'Where each text comes from: model, prompt, inputs, attempts, or a hand, or the ledger.';
