-- SETTLE: how the wholes stand whose time to be looked at has come (:force: all). What is open below holds a whole back;
-- a first text waits for nothing that is only to be refreshed. What has waited for its next try for :quiet_s holds
-- nothing back. What the pieces say is read only where nothing is open. What is no whole any more has nothing to settle.
WITH looked AS MATERIALIZED (
    SELECT u.chunk_id, u.touched_at, u.look_at, c.node_id, c.source_hash, c.context_hash,
           COALESCE(c.content_raw, '') <> '' AS written, doctown_is_whole(c.strategy) AS whole
      FROM unsettled u
      JOIN chunk c ON c.id = u.chunk_id
      JOIN repository r ON r.id = u.repo_id
     WHERE (CAST(:force AS boolean) OR u.look_at <= clock_timestamp())
       AND (CAST(:repo_id AS bigint) IS NULL OR u.repo_id = CAST(:repo_id AS bigint))
       AND (r.indexing_until IS NULL OR r.indexing_until < clock_timestamp())
     ORDER BY u.look_at LIMIT CAST(:batch AS integer)
), standing AS MATERIALIZED (
    SELECT l.*, EXISTS (
               SELECT FROM doctown_pieces(l.node_id) p
                 JOIN work w ON w.chunk_id = p.chunk_id AND w.stage = 'coder'
                WHERE w.state IN ('due', 'leased') AND (w.lane < 2 OR l.written)
                   OR w.state = 'retrying' AND w.due_at > clock_timestamp() - make_interval(secs => :quiet_s)) AS open,
           EXISTS (SELECT FROM doctown_pieces(l.node_id) p JOIN unsettled x ON x.chunk_id = p.chunk_id) AS waiting
      FROM looked l
), said AS MATERIALIZED (
    SELECT s.*, doctown_own_hash(s.node_id) AS own,
           CASE WHEN NOT s.open AND NOT s.waiting THEN doctown_pieces_hash(s.node_id) END AS pieces
      FROM standing s
)
SELECT chunk_id, look_at, own, pieces, written, whole AND (open OR waiting) AS held,
       NOT whole OR (source_hash, context_hash) IS NOT DISTINCT FROM (own, pieces) AS same,
       extract(epoch FROM clock_timestamp() - touched_at)::double precision AS quiet_for_s
  FROM said
