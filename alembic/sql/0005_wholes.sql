-- Files, packages and the repository, described from what they hold. Such a chunk says so by its strategy; it becomes due
-- when everything below it is done, or has been quiet for a while, and what it reads is not what its text was made from.

CREATE FUNCTION doctown_is_whole(strategy text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN strategy IN ('file', 'package', 'repository');

-- Wholes of which something below has changed, until it is settled whether they are to be written anew. Triggers put
-- them here; daemons look at them when look_at has come.
CREATE TABLE unsettled (
    chunk_id   bigint NOT NULL CONSTRAINT unsettled_chunk_id_fkey REFERENCES chunk (id) ON DELETE CASCADE,
    repo_id    bigint NOT NULL,
    touched_at timestamptz NOT NULL DEFAULT now(),
    look_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT unsettled_pkey PRIMARY KEY (chunk_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);
CREATE INDEX unsettled_look ON unsettled (look_at);

-- What a whole holds and reads: by CONTAINS, and only what is smaller than itself (a file before a package before a
-- repository, a package with a longer name before the one round it), so that no ring can wait for itself.
CREATE FUNCTION doctown_pieces(of_node bigint) RETURNS TABLE (node_id bigint, chunk_id bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT m.id, mc.id
      FROM node n
      JOIN chunk c ON c.node_id = n.id AND c.part = 0
      JOIN edge e ON e.src = n.id AND e.kind = 'CONTAINS'
      JOIN node m ON m.id = e.dst
      JOIN chunk mc ON mc.node_id = m.id AND mc.part = 0
     WHERE n.id = of_node AND m.id <> n.id
       AND (COALESCE(array_position('{file,package,repository}', mc.strategy), 0), -length(m.fqn))
         < (array_position('{file,package,repository}', c.strategy), -length(n.fqn))
$$;

-- What the pieces of a whole say, as one hash: of each its text, or where there is none what the index knows of it.
CREATE FUNCTION doctown_pieces_hash(of_node bigint) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT md5(COALESCE(string_agg(
               m.kind || ' ' || m.name || ' ' || COALESCE(md5(NULLIF(mc.content_raw, '')),
                   'sheet ' || md5(COALESCE(m.signature, '') || '|' || COALESCE(m.doc_summary, ''))),
               ',' ORDER BY m.fqn, m.ordinal, m.id), ''))
      FROM doctown_pieces(of_node) p JOIN node m ON m.id = p.node_id JOIN chunk mc ON mc.id = p.chunk_id
$$;

-- What a whole is by itself: the code of a file beside its members, what its author says of a package.
CREATE FUNCTION doctown_own_hash(of_node bigint) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT COALESCE(n.source_hash, md5(n.source_code), md5(COALESCE(n.doc_summary, ''))) FROM node n WHERE n.id = of_node
$$;

-- Of indexes that are there already, the packages are made and the files become wholes by the next index run.
UPDATE repository SET index_state = 'writing' WHERE index_state = 'linked';

-- Programs of the revision before would describe a package as if it were code.
UPDATE control SET compatible_since = '0005';
