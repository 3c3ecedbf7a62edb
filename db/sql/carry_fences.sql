-- CARRY: the fences that carry_chunks turned over, as they were. 0 stands for none.
UPDATE chunk c
   SET raw_fence = CASE WHEN c.raw_fence < 0 THEN NULLIF(-c.raw_fence - 1, 0) ELSE c.raw_fence END,
       content_fence = CASE WHEN c.content_fence < 0 THEN NULLIF(-c.content_fence - 1, 0) ELSE c.content_fence END,
       instruct_fence = CASE WHEN c.instruct_fence < 0 THEN NULLIF(-c.instruct_fence - 1, 0) ELSE c.instruct_fence END
 WHERE c.id = ANY (CAST(:chunks AS bigint[]))
   AND (c.raw_fence < 0 OR c.content_fence < 0 OR c.instruct_fence < 0)
