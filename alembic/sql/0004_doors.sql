-- The SQL doors with Instruct: docs, doctown_texts (and with it quality and provenance), doctown_search.

CREATE OR REPLACE VIEW docs AS
SELECT r.name AS repo, n.fqn, n.kind, n.lang, f.path, n.line_start, n.line_end, c.title, c.part, n.signature,
       c.content_raw, c.content, c.instruct, c.explain_md,
       c.explain_quality AS quality,
       c.lang_detected AS language,
       COALESCE(c.explain_quality -> 'coder' ->> 'model', c.explain_quality -> 'talker' ->> 'model') AS model,
       c.updated_at,
       (c.coder_due OR c.talker_due AND (COALESCE(c.content, '') <> '' OR doctown_runs('talker'))
        OR c.instruct_due AND (COALESCE(c.instruct, '') <> '' OR doctown_runs('instruct'))) AS stale,
       (SELECT string_agg(w.stage || ': ' || w.reason, ', ' ORDER BY w.stage)
          FROM work w
         WHERE w.chunk_id = c.id AND w.stage IN ('coder', 'talker', 'instruct') AND w.state <> 'done') AS why,
       c.id AS chunk_id
  FROM chunk c
  JOIN node n ON n.id = c.node_id
  JOIN repository r ON r.id = c.repo_id
  LEFT JOIN file f ON f.id = n.file_id;

CREATE OR REPLACE VIEW doctown_texts AS
SELECT c.id AS chunk_id, c.repo_id, r.name AS repo, n.fqn, n.kind, n.lang, f.path, c.part, t.place, t.stage, t.field,
       t.text, t.made_key, t.wanted_key, t.recipe, t.fence, t.due, c.explain_quality -> t.stage AS figures
  FROM chunk c
  JOIN node n ON n.id = c.node_id
  JOIN repository r ON r.id = c.repo_id
  LEFT JOIN file f ON f.id = n.file_id
 CROSS JOIN LATERAL (VALUES
       (1, 'coder', 'content_raw', c.content_raw, c.raw_key, c.source_key, c.raw_recipe, c.raw_fence, c.coder_due),
       (2, 'talker', 'content', c.content, c.content_key, md5(c.content_raw), c.content_recipe, c.content_fence,
        c.talker_due),
       (3, 'instruct', 'instruct', c.instruct, c.instruct_key,
        doctown_instruct_key(c.source_key, c.content_raw, c.sites_hash), c.instruct_recipe, c.instruct_fence,
        c.instruct_due)
       ) AS t (place, stage, field, text, made_key, wanted_key, recipe, fence, due)
 WHERE COALESCE(t.text, '') <> '';

-- Hybrid search: the best chunks by meaning (query_vector, made by the active embedding model) and by words,
-- fused by reciprocal rank, 1 / (60 + place) each (Cormack, Clarke and Buettcher, SIGIR 2009).
-- Without a vector it searches by words alone. audience: developer, manager, or null for both.
CREATE OR REPLACE FUNCTION doctown_search(
    query        text,
    query_vector vector  DEFAULT NULL,
    k            integer DEFAULT 10,
    audience     text    DEFAULT NULL,
    repo         text    DEFAULT NULL,
    in_lang      text    DEFAULT NULL,
    in_kind      text    DEFAULT NULL
) RETURNS TABLE (
    chunk_id bigint, repository text, fqn text, kind text, lang text, path text, line_start integer,
    line_end integer, score double precision, found_by text[], content_raw text, content text,
    signature text, doc_summary text
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    only_repo bigint;
    fields    text[];
    words     tsquery := doctown_tsquery(query);
    pool      integer := least(200, greatest(50, 5 * k));
    model     embedding_model%ROWTYPE;
    narrow    text := '';
    dense     text := 'SELECT NULL::bigint AS chunk_id, NULL::double precision AS distance WHERE false';
BEGIN
    IF repo IS NOT NULL THEN
        SELECT r.id INTO only_repo FROM repository r WHERE r.name = repo;
        IF only_repo IS NULL THEN
            RAISE EXCEPTION 'no repository is called %', repo
                USING ERRCODE = 'no_data_found', HINT = 'SELECT name FROM repository;';
        END IF;
    END IF;
    fields := CASE audience
        WHEN 'developer' THEN ARRAY['source', 'raw', 'instruct']
        WHEN 'manager' THEN ARRAY['content']
        ELSE ARRAY['source', 'raw', 'content', 'instruct'] END;
    IF audience IS NOT NULL AND audience NOT IN ('developer', 'manager') THEN
        RAISE EXCEPTION 'audience is developer or manager, not %', audience USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF in_lang IS NOT NULL THEN
        narrow := narrow || format(' AND n.lang = %L', in_lang);
    END IF;
    IF in_kind IS NOT NULL THEN
        narrow := narrow || format(' AND n.kind = %L', upper(in_kind));
    END IF;
    IF query_vector IS NOT NULL THEN
        SELECT m.* INTO model FROM embedding_model m WHERE m.active;
        IF model.id IS NOT NULL THEN
            IF vector_dims(query_vector) <> model.dims THEN
                RAISE EXCEPTION 'the query vector has % dimensions, vectors of % have %',
                    vector_dims(query_vector), model.name, model.dims
                    USING ERRCODE = 'invalid_parameter_value',
                          HINT = 'Embed the question with the model that embedded the documents.';
            END IF;
            PERFORM set_config('hnsw.iterative_scan', 'relaxed_order', true),
                    set_config('hnsw.ef_search', pool::text, true);
            dense := format($dense$
                SELECT e.chunk_id, (e.vector::vector(%1$s)) <=> $2::vector(%1$s) AS distance
                  FROM embedding e %3$s
                 WHERE e.model_id = %2$s AND e.field = ANY ($3) AND ($4 IS NULL OR e.repo_id = $4) %4$s
                 ORDER BY (e.vector::vector(%1$s)) <=> $2::vector(%1$s) LIMIT $5 $dense$,
                model.dims, model.id,
                CASE WHEN narrow = '' THEN ''
                     ELSE 'JOIN chunk c ON c.id = e.chunk_id JOIN node n ON n.id = c.node_id' END,
                narrow);
        END IF;
    END IF;
    RETURN QUERY EXECUTE format($query$
        WITH near AS MATERIALIZED (%1$s),
        by_meaning AS (
            SELECT near.chunk_id, row_number() OVER (ORDER BY min(near.distance), near.chunk_id) AS place
              FROM near GROUP BY near.chunk_id
        ),
        matching AS MATERIALIZED (
            SELECT c.id AS chunk_id, ts_rank('{0.1, 0.2, 0.6, 1.0}', c.content_tsv, $1, 1) AS rank
              FROM chunk c JOIN node n ON n.id = c.node_id
             WHERE c.content_tsv @@ $1 AND ($4 IS NULL OR c.repo_id = $4) %2$s
             ORDER BY rank DESC, c.id LIMIT $5
        ),
        by_words AS (
            SELECT matching.chunk_id, row_number() OVER (ORDER BY matching.rank DESC, matching.chunk_id) AS place
              FROM matching
        ),
        fused AS (
            SELECT COALESCE(m.chunk_id, w.chunk_id) AS chunk_id,
                   (COALESCE(1.0 / (60 + m.place), 0) + COALESCE(1.0 / (60 + w.place), 0))::double precision AS score,
                   array_remove(ARRAY[CASE WHEN m.place IS NOT NULL THEN 'meaning' END,
                                      CASE WHEN w.place IS NOT NULL THEN 'words' END], NULL) AS found_by
              FROM by_meaning m FULL JOIN by_words w ON w.chunk_id = m.chunk_id
             ORDER BY 2 DESC, 1 LIMIT $6
        )
        SELECT fused.chunk_id, r.name, n.fqn, n.kind, n.lang, f.path, n.line_start, n.line_end, fused.score,
               fused.found_by, c.content_raw, c.content, n.signature, n.doc_summary
          FROM fused
          JOIN chunk c ON c.id = fused.chunk_id
          JOIN node n ON n.id = c.node_id
          JOIN repository r ON r.id = c.repo_id
          LEFT JOIN file f ON f.id = n.file_id
         ORDER BY fused.score DESC, fused.chunk_id $query$, dense, narrow)
    USING words, query_vector, fields, only_repo, pool, k;
END $$;

COMMENT ON FUNCTION doctown_search(text, vector, integer, text, text, text, text) IS
    'The k chunks that answer a question best, by meaning and by words.';
