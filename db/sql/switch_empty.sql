-- SWITCH: take the work of stages that are off out of the queue. What is being worked on is finished. Rows that somebody
-- has held stay, as done: their fence must not begin anew.
WITH idle AS (
    SELECT w.chunk_id, w.stage, w.fence FROM work w
     WHERE w.stage = ANY (CAST(:stages AS text[])) AND w.state IN ('due', 'retrying', 'dead')
     ORDER BY w.chunk_id, w.stage LIMIT :batch FOR NO KEY UPDATE
), dropped AS (
    DELETE FROM work w USING idle
     WHERE idle.fence = 0 AND w.chunk_id = idle.chunk_id AND w.stage = idle.stage
)
UPDATE work w SET state = 'done', error_class = NULL, last_error = NULL
  FROM idle
 WHERE idle.fence > 0 AND w.chunk_id = idle.chunk_id AND w.stage = idle.stage
