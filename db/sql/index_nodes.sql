-- INDEX: write the nodes of some files; a node that is the same already is not touched.
WITH given AS (
    SELECT * FROM jsonb_to_recordset(CAST(:nodes AS jsonb)) AS g (
        file_id bigint, kind text, fqn text, ordinal smallint, name text, lang text, package text, owner text,
        line_start integer, line_end integer, signature text, params jsonb, return_type text, supertypes text[],
        annotations text[], modifiers text[], fields jsonb, marks jsonb, doc_summary text, doc_details text,
        imports text[], source_code text, source_hash text, signature_hash text, shape_hash text)
)
INSERT INTO node AS n (repo_id, file_id, kind, fqn, ordinal, name, lang, package, owner, line_start, line_end,
                       signature, params, return_type, supertypes, annotations, modifiers, fields, marks,
                       doc_summary, doc_details, imports, source_code, source_hash, signature_hash, shape_hash)
SELECT :repo_id, g.file_id, g.kind, g.fqn, g.ordinal, g.name, g.lang, g.package, g.owner, g.line_start, g.line_end,
       g.signature, g.params, g.return_type, g.supertypes, g.annotations, g.modifiers, g.fields, g.marks,
       g.doc_summary, g.doc_details, g.imports, g.source_code, g.source_hash, g.signature_hash, g.shape_hash
  FROM given g
 ORDER BY g.file_id, g.line_start
ON CONFLICT ON CONSTRAINT node_identity_key DO UPDATE SET
       name = excluded.name, lang = excluded.lang, package = excluded.package, owner = excluded.owner,
       line_start = excluded.line_start, line_end = excluded.line_end, signature = excluded.signature,
       params = excluded.params, return_type = excluded.return_type, supertypes = excluded.supertypes,
       annotations = excluded.annotations, modifiers = excluded.modifiers, fields = excluded.fields,
       marks = excluded.marks, doc_summary = excluded.doc_summary, doc_details = excluded.doc_details,
       imports = excluded.imports, source_code = excluded.source_code,
       source_hash = excluded.source_hash, signature_hash = excluded.signature_hash,
       shape_hash = excluded.shape_hash
 WHERE (n.name, n.lang, n.package, n.owner, n.line_start, n.line_end, n.signature, n.params, n.return_type,
        n.supertypes, n.annotations, n.modifiers, n.fields, n.marks, n.doc_summary, n.doc_details, n.imports,
        n.source_code, n.source_hash, n.signature_hash, n.shape_hash)
       IS DISTINCT FROM
       (excluded.name, excluded.lang, excluded.package, excluded.owner, excluded.line_start, excluded.line_end,
        excluded.signature, excluded.params, excluded.return_type, excluded.supertypes, excluded.annotations,
        excluded.modifiers, excluded.fields, excluded.marks, excluded.doc_summary, excluded.doc_details,
        excluded.imports, excluded.source_code, excluded.source_hash, excluded.signature_hash, excluded.shape_hash)
RETURNING n.id
