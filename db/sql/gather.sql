-- GATHER: all that a stage may see of the claimed chunks, in one look.
-- Callees come in two sorts: what belongs to the same class (to a file: what stands in it) is internal. Of each sort, and
-- of the callers, the first forty come, resolved and most called first, each with the sums of all of its sort.
-- Of a callee there is one line: its author's, else the start of ours, unless it calls itself: then that is what is to be
-- written.
-- Members of a class or a file come in source order, each with one line about it: its author's, else the start of ours.
SELECT c.id AS chunk_id, r.name AS repo, r.language, c.title, c.part, n.kind, n.lang, n.fqn, n.name, n.package,
       n.owner, f.path, n.line_start, n.line_end, n.signature, n.params, n.return_type, n.supertypes,
       n.annotations, n.modifiers, n.doc_summary, n.doc_details, n.role, n.role_detail,
       CASE WHEN cardinality(n.imports) > 0 THEN n.imports
            ELSE COALESCE((SELECT m.imports FROM node m WHERE m.file_id = n.file_id AND m.kind = 'FILE' LIMIT 1), '{}')
       END AS imports,
       COALESCE(n.source_code, '') AS source_code, COALESCE(c.source_hash, '') AS source_hash,
       c.strategy, c.audience, c.goal, c.quality_target, c.content_raw, c.content, c.instruct, c.idents,
       COALESCE((
           SELECT jsonb_agg(to_jsonb(callee) - 'place' - 'dst_name' ORDER BY callee.internal DESC, callee.place) FROM (
               SELECT found.*, CAST(sum(found.count) OVER same AS bigint) AS sites, count(*) OVER same AS names,
                      row_number() OVER (PARTITION BY found.internal
                                         ORDER BY NOT found.resolved, found.count DESC, found.dst_name) AS place
                 FROM (SELECT COALESCE(d.fqn, e.dst_name) AS fqn, e.count, e.dst_name, d.id IS NOT NULL AS resolved,
                              COALESCE(d.owner = n.owner OR d.owner = n.fqn
                                       OR n.kind = 'FILE' AND d.file_id = n.file_id, false) AS internal,
                              d.signature, COALESCE(NULLIF(d.doc_summary, ''), left(dc.content_raw, 600)) AS summary,
                              NULLIF(d.doc_summary, '') IS NULL AND dc.content_raw IS NOT NULL AS ours
                         FROM edge e LEFT JOIN node d ON d.id = e.dst
                         LEFT JOIN chunk dc ON dc.node_id = d.id AND dc.part = 0 AND d.id <> n.id
                        WHERE e.src = n.id AND e.kind = 'CALLS') found
               WINDOW same AS (PARTITION BY found.internal)) callee
            WHERE callee.place <= 40), '[]') AS callees,
       COALESCE((
           SELECT jsonb_agg(to_jsonb(caller) - 'place' ORDER BY caller.place) FROM (
               SELECT s.fqn, e.count, true AS resolved, COALESCE(s.owner = n.owner OR s.owner = n.fqn, false) AS internal,
                      s.signature, s.doc_summary AS summary, CAST(sum(e.count) OVER () AS bigint) AS sites,
                      count(*) OVER () AS names,
                      row_number() OVER (ORDER BY e.count DESC, s.fqn) AS place
                 FROM edge e JOIN node s ON s.id = e.src
                WHERE e.dst = n.id AND e.kind = 'CALLS' AND e.src <> n.id
                ORDER BY place LIMIT 40) caller), '[]') AS callers,
       COALESCE((
           SELECT jsonb_agg(to_jsonb(member) - 'place' ORDER BY member.place) FROM (
               SELECT m.name, left(m.signature, 2100) AS signature,
                      COALESCE(NULLIF(m.doc_summary, ''), left(mc.content_raw, 600)) AS summary,
                      NULLIF(m.doc_summary, '') IS NULL AND mc.content_raw IS NOT NULL AS ours,
                      m.role || COALESCE(' (' || m.role_detail || ')', '') AS role,
                      row_number() OVER (ORDER BY m.line_start, m.id) AS place
                 FROM node m LEFT JOIN chunk mc ON mc.node_id = m.id AND mc.part = 0
                WHERE n.kind IN ('FILE', 'CLASS', 'INTERFACE', 'ENUM', 'OBJECT') AND m.file_id = n.file_id
                  AND m.id <> n.id AND m.kind <> 'FILE'
                  AND m.owner IS NOT DISTINCT FROM CASE WHEN n.kind = 'FILE' THEN NULL ELSE n.fqn END
                ORDER BY place LIMIT 2000) member), '[]') AS members,
       COALESCE((
           SELECT jsonb_object_agg(v.field, v.text_hash) FROM embedding v
            WHERE v.chunk_id = c.id AND v.model_id = CAST(:model_id AS smallint)), '{}') AS vectors
  FROM chunk c
  JOIN node n ON n.id = c.node_id
  JOIN repository r ON r.id = c.repo_id
  LEFT JOIN file f ON f.id = n.file_id
 WHERE c.id = ANY (CAST(:chunks AS bigint[]))
