-- SETTLE: what these wholes are to be made from now; the trigger makes them due. A text that was there before the first
-- settling, from a hand or another program, counts as made from it.
WITH given AS (
    SELECT * FROM unnest(CAST(:chunks AS bigint[]), CAST(:own AS text[]), CAST(:pieces AS text[]))
        AS g (chunk_id, own, pieces)
), target AS MATERIALIZED (
    SELECT c.id FROM chunk c WHERE c.id IN (SELECT chunk_id FROM given) ORDER BY c.id FOR NO KEY UPDATE
)
UPDATE chunk c
   SET source_hash = g.own, context_hash = g.pieces,
       raw_key = CASE WHEN c.source_hash IS NULL AND COALESCE(c.content_raw, '') <> '' AND c.raw_key IS NULL
                      THEN g.own || '+' || g.pieces ELSE c.raw_key END
  FROM given g JOIN target ON target.id = g.chunk_id
 WHERE c.id = g.chunk_id AND (c.source_hash, c.context_hash) IS DISTINCT FROM (g.own, g.pieces)
RETURNING c.id, c.coder_due
