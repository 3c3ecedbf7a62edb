-- The view docs says in `why` too what another recipe made: not due where refresh is manual, and told all the same.

CREATE OR REPLACE VIEW docs AS
SELECT r.name AS repo, n.fqn, n.kind, n.lang, f.path, n.line_start, n.line_end, c.title, c.part, n.signature,
       c.content_raw, c.content, c.instruct, c.explain_md,
       c.explain_quality AS quality,
       c.lang_detected AS language,
       COALESCE(c.explain_quality -> 'coder' ->> 'model', c.explain_quality -> 'talker' ->> 'model') AS model,
       c.updated_at,
       (c.coder_due OR c.talker_due AND (COALESCE(c.content, '') <> '' OR doctown_runs('talker'))
        OR c.instruct_due AND (COALESCE(c.instruct, '') <> '' OR doctown_runs('instruct'))) AS stale,
       (SELECT string_agg(s.stage || ': ' || COALESCE(w.reason, s.made_by_another), ', ' ORDER BY s.stage)
          FROM (VALUES ('coder', c.raw_recipe), ('talker', c.content_recipe), ('instruct', c.instruct_recipe)
               ) AS t (stage, made)
         CROSS JOIN LATERAL (SELECT doctown_recipe_of(control.recipes, t.stage, c.strategy, r.language) AS recipe) now
         CROSS JOIN LATERAL (SELECT t.stage,
                   CASE WHEN doctown_same_recipe(t.made, now.recipe) THEN NULL
                        WHEN t.made IS NOT NULL AND now.recipe IS NOT NULL AND control.refresh = 'manual'
                        THEN 'recipe (refresh is manual)' END AS made_by_another) s
          LEFT JOIN work w ON w.chunk_id = c.id AND w.stage = s.stage AND w.state <> 'done'
         WHERE COALESCE(w.reason, s.made_by_another) IS NOT NULL) AS why,
       c.id AS chunk_id
  FROM chunk c
  JOIN node n ON n.id = c.node_id
  JOIN repository r ON r.id = c.repo_id
 CROSS JOIN control
  LEFT JOIN file f ON f.id = n.file_id;
