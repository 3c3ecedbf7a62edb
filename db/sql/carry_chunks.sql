-- CARRY: these chunks stand on other nodes now, or tell of names that changed. :holds: the text is true of what is there
-- now, so that what it was made from becomes what is there now, where it was so before. A text that changed is marked
-- with what it was ("was", and the name it had): for the whole that reads it, it is the same piece (doctown_pieces_hash).
-- The fences are turned over, or the trigger would take the texts for written by hand; carry_fences turns them back.
WITH given AS (
    SELECT g.*, n.name, n.kind, n.role, COALESCE(n.source_hash, md5(n.source_code)) AS code
      FROM jsonb_to_recordset(CAST(:chunks AS jsonb)) AS g (
               chunk_id bigint, node_id bigint, holds boolean, alias boolean, origin text, name_was text,
               source_was text, content_raw text, content text, instruct text)
      JOIN node n ON n.id = g.node_id
), made AS (
    SELECT g.*, c.explain_quality -> 'carried' AS before, md5(c.content_raw) AS raw_was,
           g.source_was || COALESCE('+' || c.context_hash, '') AS key_was,
           CASE WHEN doctown_is_whole(c.strategy) AND (g.holds AND c.source_hash = g.source_was) IS NOT TRUE
                THEN c.source_hash ELSE g.code END AS source_hash
      FROM given g JOIN chunk c ON c.id = g.chunk_id
)
UPDATE chunk c
   SET node_id = m.node_id, source_hash = m.source_hash, usable = doctown_usable(m.kind, m.role),
       content_raw = m.content_raw, content = m.content, instruct = m.instruct,
       raw_fence = CASE WHEN m.content_raw IS DISTINCT FROM c.content_raw
                        THEN -COALESCE(c.raw_fence, 0) - 1 ELSE c.raw_fence END,
       content_fence = CASE WHEN m.content IS DISTINCT FROM c.content
                            THEN -COALESCE(c.content_fence, 0) - 1 ELSE c.content_fence END,
       instruct_fence = CASE WHEN m.instruct IS DISTINCT FROM c.instruct
                             THEN -COALESCE(c.instruct_fence, 0) - 1 ELSE c.instruct_fence END,
       raw_key = CASE WHEN m.holds AND c.raw_key = m.key_was
                      THEN m.source_hash || COALESCE('+' || c.context_hash, '') ELSE c.raw_key END,
       content_key = CASE WHEN c.content_key = md5(c.content_raw) THEN md5(m.content_raw) ELSE c.content_key END,
       instruct_key = CASE WHEN m.holds AND c.instruct_key = doctown_instruct_key(m.key_was, c.content_raw, c.sites_hash)
                           THEN doctown_instruct_key(m.source_hash || COALESCE('+' || c.context_hash, ''),
                                                     m.content_raw, c.sites_hash)
                           ELSE c.instruct_key END,
       explain_quality = CASE WHEN m.content_raw IS NULL THEN c.explain_quality ELSE
           c.explain_quality || jsonb_build_object('carried', jsonb_build_object(
               'from', COALESCE(m.origin, m.before ->> 'from'), 'name', m.name, 'raw', md5(m.content_raw),
               'was', CASE WHEN m.before ->> 'raw' = m.raw_was THEN m.before ->> 'was' ELSE m.raw_was END,
               'name_was', CASE WHEN NOT m.alias THEN m.name
                                WHEN m.before ->> 'raw' = m.raw_was AND m.before ->> 'name' = m.name_was
                                THEN m.before ->> 'name_was' ELSE m.name_was END)) END
  FROM made m
 WHERE c.id = m.chunk_id
