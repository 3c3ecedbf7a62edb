-- LINK: what the places look like that use each piece, of one window of chunks; an index that is not ours says it itself.
-- What is not to be used any more (a role of a test) has no such places.
UPDATE chunk c SET sites_hash = now.hash
  FROM (SELECT k.id, CASE WHEN COALESCE(k.usable, true) THEN doctown_sites_hash(k.node_id) END AS hash
          FROM chunk k JOIN repository r ON r.id = k.repo_id
         WHERE k.id > :after AND (CAST(:upto AS bigint) IS NULL OR k.id <= CAST(:upto AS bigint))
           AND (CAST(:repo_id AS bigint) IS NULL OR k.repo_id = CAST(:repo_id AS bigint))
           AND r.index_state <> 'new') now
 WHERE c.id = now.id AND c.sites_hash IS DISTINCT FROM now.hash
RETURNING c.id
