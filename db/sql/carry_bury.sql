-- CARRY: nodes and files that are gone, once their chunks have gone where their code went.
WITH lost AS (
    SELECT n.id FROM node n LEFT JOIN file f ON f.id = n.file_id
     WHERE n.repo_id = :repo_id
       AND (n.id = ANY (CAST(:nodes AS bigint[])) OR f.path = ANY (CAST(:paths AS text[])))
), counted AS (
    SELECT count(DISTINCT lost.id) AS nodes, count(c.id) AS chunks FROM lost LEFT JOIN chunk c ON c.node_id = lost.id
), dropped AS (
    DELETE FROM node WHERE id IN (SELECT id FROM lost)
), removed AS (
    DELETE FROM file WHERE repo_id = :repo_id AND path = ANY (CAST(:paths AS text[]))
)
SELECT nodes, chunks FROM counted
