-- What was changed lately goes before what was never written, and a reason stays until it is served. The triggers
-- themselves are those of 0001; here are two of their functions anew.

-- The priority of a piece in the queue: below 0 for what was changed since its repository was first indexed.
CREATE FUNCTION doctown_urgency(priority integer, recent boolean) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN recent THEN priority - 2000000 ELSE priority END;

CREATE OR REPLACE FUNCTION doctown_chunk_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    running text[] := (SELECT stages FROM control);
BEGIN
    INSERT INTO work (chunk_id, stage, repo_id, priority, wanted_key, reason)
    SELECT n.id, s.stage, n.repo_id, doctown_urgency(n.priority, r.indexed_at IS NOT NULL), s.wanted, 'new'
      FROM new_chunk n
      JOIN repository r ON r.id = n.repo_id
     CROSS JOIN LATERAL (VALUES
           ('coder', n.coder_due, n.source_key),
           ('talker', n.talker_due, md5(n.content_raw)),
           ('instruct', n.instruct_due, doctown_instruct_key(n.source_key, n.content_raw, n.sites_hash)),
           ('embed', n.embed_due, md5(COALESCE(n.source_key, '') || '|' || COALESCE(n.content_raw, '')
                                      || '|' || COALESCE(n.content, '') || COALESCE('|' || NULLIF(n.instruct, ''), '')))
     ) AS s (stage, due, wanted)
     WHERE s.due AND s.stage = ANY (running);

    INSERT INTO unsettled AS u (chunk_id, repo_id)
    SELECT w.id, w.repo_id FROM (
        SELECT n.id, n.repo_id FROM new_chunk n WHERE doctown_is_whole(n.strategy)
        UNION
        SELECT p.id, p.repo_id
          FROM new_chunk n
          JOIN edge e ON e.dst = n.node_id AND e.kind = 'CONTAINS'
          JOIN chunk p ON p.node_id = e.src AND doctown_is_whole(p.strategy)) w
     ORDER BY w.id
    ON CONFLICT (chunk_id) DO UPDATE SET touched_at = clock_timestamp(), look_at = clock_timestamp();
    RETURN NULL;
END $$;

-- An update that changes nothing at all is a request too: it revives what is retrying or dead.
CREATE OR REPLACE FUNCTION doctown_chunk_updated() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    running text[] := (SELECT stages FROM control);
BEGIN
    INSERT INTO work AS w (chunk_id, stage, repo_id, lane, priority, wanted_key, reason)
    SELECT n.id, s.stage, n.repo_id, s.lane,
           doctown_urgency(n.priority, s.reason = 'source' OR n.source_hash IS DISTINCT FROM o.source_hash
                                       OR COALESCE(c.priority < 0, false)),
           s.wanted, s.reason
      FROM new_chunk n
      JOIN old_chunk o ON o.id = n.id
      LEFT JOIN work c ON c.chunk_id = n.id AND c.stage = 'coder'
     CROSS JOIN LATERAL (VALUES
           ('coder', n.coder_due, o.coder_due, n.source_key, o.source_key,
            CASE WHEN COALESCE(n.content_raw, '') = ''
                      THEN CASE WHEN COALESCE(o.content_raw, '') <> '' OR n.source_key IS NOT DISTINCT FROM o.source_key
                                THEN 'requeued' ELSE 'new' END
                 WHEN n.source_hash IS DISTINCT FROM o.source_hash THEN 'source'
                 WHEN n.context_hash IS DISTINCT FROM o.context_hash THEN 'context'
                 ELSE 'requeued' END,
            CASE WHEN COALESCE(n.content_raw, '') <> '' AND n.source_hash IS NOT DISTINCT FROM o.source_hash
                      AND n.context_hash IS DISTINCT FROM o.context_hash THEN 2 ELSE 1 END),
           ('talker', n.talker_due, o.talker_due, md5(n.content_raw), md5(o.content_raw),
            CASE WHEN COALESCE(n.content, '') <> '' THEN 'raw-changed'
                 WHEN COALESCE(o.content, '') <> '' OR n.content_raw IS NOT DISTINCT FROM o.content_raw
                      THEN 'requeued'
                 ELSE 'new' END,
            COALESCE(c.lane, 1)),
           ('instruct', n.instruct_due, o.instruct_due,
            doctown_instruct_key(n.source_key, n.content_raw, n.sites_hash),
            doctown_instruct_key(o.source_key, o.content_raw, o.sites_hash),
            CASE WHEN COALESCE(n.instruct, '') = ''
                      THEN CASE WHEN COALESCE(o.instruct, '') <> '' OR n IS NOT DISTINCT FROM o
                                THEN 'requeued' ELSE 'new' END
                 WHEN n.content_raw IS DISTINCT FROM o.content_raw THEN 'raw-changed'
                 WHEN n.raw_key IS DISTINCT FROM o.raw_key THEN 'source'
                 WHEN n.sites_hash IS DISTINCT FROM o.sites_hash THEN 'context'
                 ELSE 'requeued' END,
            CASE WHEN COALESCE(n.instruct, '') <> '' AND n.content_raw IS NOT DISTINCT FROM o.content_raw
                      AND n.raw_key IS NOT DISTINCT FROM o.raw_key
                      AND n.sites_hash IS DISTINCT FROM o.sites_hash THEN 2 ELSE COALESCE(c.lane, 1) END),
           ('embed', n.embed_due, o.embed_due,
            md5(COALESCE(n.source_key, '') || '|' || COALESCE(n.content_raw, '') || '|' || COALESCE(n.content, '')
                || COALESCE('|' || NULLIF(n.instruct, ''), '')),
            md5(COALESCE(o.source_key, '') || '|' || COALESCE(o.content_raw, '') || '|' || COALESCE(o.content, '')
                || COALESCE('|' || NULLIF(o.instruct, ''), '')),
            CASE WHEN n.embed_key IS NULL THEN 'new'
                 WHEN n.source_key IS DISTINCT FROM o.source_key THEN 'source'
                 WHEN n.embed_key IS DISTINCT FROM o.embed_key THEN 'requeued'
                 ELSE 'raw-changed' END,
            COALESCE(c.lane, 1))
     ) AS s (stage, due, was_due, wanted, wanted_before, reason, lane)
     WHERE s.due AND s.stage = ANY (running)
       AND (NOT s.was_due OR s.wanted IS DISTINCT FROM s.wanted_before OR n IS NOT DISTINCT FROM o)
     ORDER BY n.id, s.stage
    ON CONFLICT (chunk_id, stage) DO UPDATE SET
        wanted_key = excluded.wanted_key,
        -- What its neighbours show is no reason beside its own code, or beside somebody who wants another text.
        reason = CASE WHEN excluded.reason IN ('new', 'context') AND w.state IN ('due', 'retrying', 'leased')
                           AND w.reason IN ('new', 'source', 'requeued') THEN w.reason ELSE excluded.reason END,
        priority = excluded.priority,
        lane = CASE WHEN w.state IN ('done', 'dead') THEN excluded.lane ELSE least(w.lane, excluded.lane) END,
        state = CASE w.state WHEN 'leased' THEN 'leased' ELSE 'due' END,
        run_at = clock_timestamp(),
        due_at = CASE WHEN w.state = 'done' THEN clock_timestamp() ELSE w.due_at END,
        attempts = CASE w.state WHEN 'leased' THEN w.attempts ELSE 0 END,
        crashes = CASE w.state WHEN 'leased' THEN w.crashes ELSE 0 END,
        error_class = NULL,
        last_error = NULL;

    UPDATE work w SET priority = doctown_urgency(n.priority, w.priority < 0)
      FROM new_chunk n JOIN old_chunk o ON o.id = n.id
     WHERE n.priority <> o.priority AND w.chunk_id = n.id AND w.state IN ('due', 'retrying')
       AND w.priority <> doctown_urgency(n.priority, w.priority < 0);

    -- No longer due, and not by a save of ours (that closes its row itself): a text written by hand wins, and who
    -- still works under the old fence saves nothing.
    UPDATE work w SET state = 'done', done_at = clock_timestamp(), lease_owner = NULL, lease_until = NULL,
                      fence = w.fence + CASE w.state WHEN 'leased' THEN 1 ELSE 0 END,
                      error_class = NULL, last_error = NULL
      FROM new_chunk n JOIN old_chunk o ON o.id = n.id
     CROSS JOIN LATERAL (VALUES ('coder', n.coder_due, o.coder_due), ('talker', n.talker_due, o.talker_due),
                                ('instruct', n.instruct_due, o.instruct_due), ('embed', n.embed_due, o.embed_due)
                               ) AS s (stage, due, was_due)
     WHERE s.was_due AND NOT s.due AND w.chunk_id = n.id AND w.stage = s.stage AND w.state <> 'done';

    -- A text that changed without its fence was written by hand (our own saves always raise it). It holds for what
    -- is there now, and no recipe made it. The update runs this trigger once more, which then closes the work; it
    -- must not run for nothing, because a statement trigger fires for no rows too.
    IF EXISTS (SELECT FROM new_chunk n JOIN old_chunk o ON o.id = n.id
                WHERE n.content_raw IS DISTINCT FROM o.content_raw AND COALESCE(n.content_raw, '') <> ''
                      AND n.raw_fence IS NOT DISTINCT FROM o.raw_fence
                   OR n.content IS DISTINCT FROM o.content AND COALESCE(n.content, '') <> ''
                      AND n.content_fence IS NOT DISTINCT FROM o.content_fence
                   OR n.instruct IS DISTINCT FROM o.instruct AND COALESCE(n.instruct, '') <> ''
                      AND n.instruct_fence IS NOT DISTINCT FROM o.instruct_fence) THEN
        UPDATE chunk c
           SET raw_key = CASE WHEN hand.raw THEN c.source_key ELSE c.raw_key END,
               raw_recipe = CASE WHEN hand.raw THEN NULL ELSE c.raw_recipe END,
               content_key = CASE WHEN hand.plain THEN md5(c.content_raw) ELSE c.content_key END,
               content_recipe = CASE WHEN hand.plain THEN NULL ELSE c.content_recipe END,
               instruct_key = CASE WHEN hand.use
                                   THEN doctown_instruct_key(c.source_key, c.content_raw, c.sites_hash)
                                   ELSE c.instruct_key END,
               instruct_recipe = CASE WHEN hand.use THEN NULL ELSE c.instruct_recipe END,
               updated_at = clock_timestamp()
          FROM (SELECT n.id,
                       n.content_raw IS DISTINCT FROM o.content_raw AND COALESCE(n.content_raw, '') <> ''
                           AND n.raw_fence IS NOT DISTINCT FROM o.raw_fence AS raw,
                       n.content IS DISTINCT FROM o.content AND COALESCE(n.content, '') <> ''
                           AND n.content_fence IS NOT DISTINCT FROM o.content_fence AS plain,
                       n.instruct IS DISTINCT FROM o.instruct AND COALESCE(n.instruct, '') <> ''
                           AND n.instruct_fence IS NOT DISTINCT FROM o.instruct_fence AS use
                  FROM new_chunk n JOIN old_chunk o ON o.id = n.id) hand
         WHERE c.id = hand.id AND (hand.raw OR hand.plain OR hand.use);
    END IF;

    -- Last, and in one order, so that two saves cannot wait for each other. Another text below begins the quiet time
    -- anew; work that ended is a reason to look.
    INSERT INTO unsettled AS u (chunk_id, repo_id, touched_at)
    SELECT w.id, w.repo_id, CASE WHEN bool_or(w.changed) THEN clock_timestamp() ELSE 'epoch' END
      FROM (SELECT p.id, p.repo_id, bool_or(n.content_raw IS DISTINCT FROM o.content_raw) AS changed
              FROM new_chunk n
              JOIN old_chunk o ON o.id = n.id
              JOIN edge e ON e.dst = n.node_id AND e.kind = 'CONTAINS'
              JOIN chunk p ON p.node_id = e.src AND doctown_is_whole(p.strategy)
             WHERE n.part = 0 AND (n.content_raw IS DISTINCT FROM o.content_raw
                                   OR n.raw_fence IS DISTINCT FROM o.raw_fence)
             GROUP BY p.id, p.repo_id
            UNION
            SELECT n.id, n.repo_id, true
              FROM new_chunk n JOIN old_chunk o ON o.id = n.id
             WHERE doctown_is_whole(n.strategy) AND NOT doctown_is_whole(o.strategy)) w
     GROUP BY w.id, w.repo_id
     ORDER BY w.id
    ON CONFLICT (chunk_id) DO UPDATE SET
        touched_at = greatest(u.touched_at, excluded.touched_at), look_at = clock_timestamp();
    RETURN NULL;
END $$;
