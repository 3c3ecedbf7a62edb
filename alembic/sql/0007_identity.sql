-- Code that is moved or called otherwise keeps its texts: its chunk goes to the node where it is now.

-- The names by which a repository calls its own parts in imports, as its files were read with.
ALTER TABLE repository ADD COLUMN roots jsonb;

-- As source_hash, with a placeholder for every name that is declared in the code.
ALTER TABLE node ADD COLUMN shape_hash text;

-- It is filled by reading all files once more; nothing that was read before is due because of it.
UPDATE file SET content_hash = NULL, mtime_ns = NULL WHERE skipped IS NULL;

-- What the pieces of a whole say, as one hash: of each its text, or where there is none what the index knows of it. A
-- text that was only carried (explain_quality -> 'carried') counts as what it was before, under the name it had: the
-- names in the text of the whole were carried along.
ALTER FUNCTION doctown_pieces_hash(bigint) RENAME TO doctown_pieces_hash_before;
CREATE FUNCTION doctown_pieces_hash(of_node bigint) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT md5(COALESCE(string_agg(piece.line, ',' ORDER BY piece.line), ''))
      FROM (SELECT m.kind || ' '
                   || CASE WHEN told.same AND told.carried ->> 'name' = m.name
                           THEN told.carried ->> 'name_was' ELSE m.name END
                   || ' ' || CASE WHEN told.same THEN told.carried ->> 'was'
                                  WHEN told.text IS NOT NULL THEN told.text
                                  ELSE 'sheet ' || md5(CASE m.kind WHEN 'FILE' THEN '' ELSE COALESCE(m.signature, '') END
                                                       || '|' || COALESCE(m.doc_summary, '')) END AS line
              FROM doctown_pieces(of_node) p
              JOIN node m ON m.id = p.node_id
              JOIN chunk mc ON mc.id = p.chunk_id
             CROSS JOIN LATERAL (SELECT md5(NULLIF(mc.content_raw, '')) AS text,
                                        mc.explain_quality -> 'carried' AS carried,
                                        COALESCE(mc.explain_quality -> 'carried' ->> 'raw'
                                                 = md5(NULLIF(mc.content_raw, '')), false) AS same) told) piece
$$;

-- The same hash is written otherwise now; what was made from the one is made from the other.
WITH settled AS MATERIALIZED (
    SELECT c.id, doctown_pieces_hash(c.node_id) AS pieces
      FROM chunk c
     WHERE doctown_is_whole(c.strategy) AND c.context_hash = doctown_pieces_hash_before(c.node_id)
)
UPDATE chunk c
   SET context_hash = s.pieces,
       raw_key = CASE WHEN c.raw_key = c.source_key THEN c.source_hash || '+' || s.pieces ELSE c.raw_key END
  FROM settled s
 WHERE c.id = s.id;
DROP FUNCTION doctown_pieces_hash_before(bigint);
