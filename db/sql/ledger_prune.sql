-- LEDGER: forget old answers of one window of rows. What a present text stands on stays, its own row and the one that holds
-- its words; so does what was taken for another piece lately.
WITH looked_at AS MATERIALIZED (
    SELECT g.id, g.created_at FROM generation g WHERE g.id > :after ORDER BY g.id LIMIT :window
), dropped AS (
    DELETE FROM generation g USING looked_at l
     WHERE g.id = l.id AND l.created_at < CAST(:before AS timestamptz)
       AND NOT EXISTS (SELECT FROM chunk c
                       WHERE c.id = g.chunk_id
                         AND g.fence = CASE g.stage WHEN 'coder' THEN c.raw_fence WHEN 'talker' THEN c.content_fence
                                              WHEN 'instruct' THEN c.instruct_fence END)
       AND NOT EXISTS (SELECT FROM generation u
                        WHERE u.reused_from = g.id
                          AND (u.created_at >= CAST(:before AS timestamptz)
                               OR EXISTS (SELECT FROM chunk c
                                      WHERE c.id = u.chunk_id
                                        AND u.fence = CASE u.stage WHEN 'coder' THEN c.raw_fence WHEN 'talker' THEN c.content_fence
                                                             WHEN 'instruct' THEN c.instruct_fence END)))
    RETURNING g.id
)
SELECT (SELECT count(*) FROM dropped) AS dropped, max(id) AS last, count(*) AS seen FROM looked_at
