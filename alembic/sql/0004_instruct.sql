-- Instruct, the third text: its columns, when it is due, and a switch for every stage. Only adds: programs of the
-- revision before go on working beside those of this one.

-- Which stages make work. Daemons write what their configuration says (settings key `stages`) when they start.
-- `filled` names those whose work has been put into the queue, so that a filling that was cut off is gone on with.
ALTER TABLE control
    ADD COLUMN stages text[] NOT NULL DEFAULT '{coder,talker,embed}',
    ADD COLUMN filled text[] NOT NULL DEFAULT '{coder,talker,embed}';

CREATE FUNCTION doctown_runs(stage text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT COALESCE((SELECT doctown_runs.stage = ANY (c.stages) FROM control c), false)
$$;

-- Whether anybody would be told how to use it. Tests and what prepares them have no users, nor has a migration;
-- files, packages and repositories are used through what they hold.
CREATE FUNCTION doctown_usable(kind text, role text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN kind NOT IN ('FILE', 'PACKAGE', 'REPOSITORY')
   AND COALESCE(role, '') NOT IN ('test', 'test-class', 'test-file', 'test-fixture', 'benchmark', 'migration');

-- What an instruct text is made from: the code, the Coder's text of it, and the places that use it.
CREATE FUNCTION doctown_instruct_key(source_key text, content_raw text, sites_hash text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN md5(COALESCE(source_key, '') || '|' || content_raw || '|' || COALESCE(sites_hash, ''));

-- One rewrite of the table for all of it. Keys of vectors and words of search stay what they were where there is no
-- instruct text.
ALTER TABLE chunk
    ADD COLUMN usable          boolean,
    ADD COLUMN sites_hash      text,
    ADD COLUMN instruct_key    text,
    ADD COLUMN instruct_recipe text,
    ADD COLUMN instruct_fence  bigint,
    ADD COLUMN instruct_due    boolean GENERATED ALWAYS AS (
        COALESCE(usable, true) AND NOT (COALESCE(content_raw, '') = '')
        AND NOT (source_hash IS NOT NULL AND (COALESCE(content_raw, '') = ''
            OR raw_key IS DISTINCT FROM (source_hash || COALESCE('+' || context_hash, ''))))
        AND (COALESCE(instruct, '') = '' OR instruct_key IS DISTINCT FROM
            doctown_instruct_key((source_hash || COALESCE('+' || context_hash, '')), content_raw, sites_hash))) STORED,
    DROP COLUMN embed_due,
    ADD COLUMN embed_due       boolean GENERATED ALWAYS AS (
        (source_hash IS NOT NULL OR NOT (COALESCE(content_raw, '') = ''))
        AND embed_key IS DISTINCT FROM md5(COALESCE((source_hash || COALESCE('+' || context_hash, '')), '')
            || '|' || COALESCE(content_raw, '') || '|' || COALESCE(content, '')
            || COALESCE('|' || NULLIF(instruct, ''), ''))) STORED,
    DROP COLUMN content_tsv,
    ADD COLUMN content_tsv     tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('simple', left(COALESCE(idents, ''), 100000)), 'A') ||
        setweight(doctown_prose_tsv(lang_detected,
            left(COALESCE(content_raw, '') || ' ' || COALESCE(content, ''), 200000)), 'B') ||
        setweight(doctown_prose_tsv(lang_detected, left(COALESCE(instruct, ''), 100000)), 'C') ||
        setweight(to_tsvector('simple', left(COALESCE(words, ''), 200000)), 'D')) STORED;
CREATE INDEX chunk_tsv ON chunk USING gin (content_tsv);

ALTER TABLE chunk DISABLE TRIGGER chunk_updated;
UPDATE chunk c SET usable = doctown_usable(n.kind, n.role) FROM node n WHERE n.id = c.node_id;
ALTER TABLE chunk ENABLE TRIGGER chunk_updated;

ALTER TABLE work DROP CONSTRAINT work_stage_check,
    ADD CONSTRAINT work_stage_check CHECK (stage IN ('coder', 'talker', 'instruct', 'embed'));
ALTER TABLE embedding DROP CONSTRAINT embedding_field_check,
    ADD CONSTRAINT embedding_field_check CHECK (field IN ('source', 'raw', 'content', 'instruct'));

-- Who uses a piece, best example first: code before tests, who calls often before who calls once. Of a class also who
-- makes one, and then who calls its members from outside. One row per caller.
CREATE FUNCTION doctown_callers(of_node bigint, most integer)
RETURNS TABLE (caller bigint, target bigint, uses integer, line integer, place bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH piece AS (
        SELECT n.id, n.fqn, n.file_id, n.kind FROM node n WHERE n.id = of_node
    ), target AS (
        SELECT piece.id, 0 AS far FROM piece
        UNION ALL
        SELECT m.id, CASE WHEN m.kind = 'CONSTRUCTOR' THEN 0 ELSE 1 END
          FROM piece JOIN edge e ON e.src = piece.id AND e.kind = 'CONTAINS' JOIN node m ON m.id = e.dst
         WHERE piece.kind IN ('CLASS', 'INTERFACE', 'ENUM', 'OBJECT')
    ), use AS (
        SELECT DISTINCT ON (s.id) s.id AS caller, e.dst AS target, e.count AS uses, e.line, target.far, s.fqn,
               COALESCE(s.role, '') IN ('test', 'test-class', 'test-file', 'test-fixture', 'benchmark') AS tested
          FROM target JOIN edge e ON e.dst = target.id AND e.kind = 'CALLS' JOIN node s ON s.id = e.src
         CROSS JOIN piece
         WHERE s.id <> piece.id
           AND NOT (s.owner IS NOT DISTINCT FROM piece.fqn AND s.file_id IS NOT DISTINCT FROM piece.file_id)
         ORDER BY s.id, target.far, e.count DESC, e.dst, e.dst_name
    )
    SELECT u.caller, u.target, u.uses, u.line,
           row_number() OVER (ORDER BY u.far, u.tested, u.uses DESC, u.fqn, u.caller)
      FROM use u
     ORDER BY 5 LIMIT most
$$;

-- What the places that use a piece look like, for chunk.sites_hash. Their files and lines are no part of it: code that
-- moves says the same.
CREATE FUNCTION doctown_sites_hash(of_node bigint) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT md5(string_agg(s.name || ':' || t.name || ':' || COALESCE(s.source_hash, md5(s.source_code), ''), ' '
                          ORDER BY c.place))
      FROM doctown_callers(of_node, 6) c JOIN node s ON s.id = c.caller JOIN node t ON t.id = c.target
$$;
