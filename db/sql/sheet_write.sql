-- SHEET: store fact sheets, where they differ. Nothing else of the row changes: a sheet is part of no key, so no text
-- goes stale by it. Rows are locked in the order that saves use.
WITH given AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(CAST(:sheets AS jsonb)) AS g (id bigint, explain_md text)
), target AS MATERIALIZED (
    SELECT c.id FROM chunk c JOIN given g ON g.id = c.id
     WHERE c.explain_md IS DISTINCT FROM g.explain_md
     ORDER BY c.id FOR NO KEY UPDATE OF c
)
UPDATE chunk c SET explain_md = g.explain_md
  FROM given g JOIN target ON target.id = g.id
 WHERE c.id = g.id
RETURNING c.id
