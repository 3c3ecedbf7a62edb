-- The data is the truth and the queue follows it: whoever writes chunk or node, work keeps in step.

-- Fills in what a writer need not know. On INSERT only: a BEFORE trigger on UPDATE would make Postgres compute
-- every generated column anew, the tsvector too, however small the change is.
CREATE FUNCTION doctown_chunk_fill() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own record;
BEGIN
    SELECT n.repo_id, COALESCE(n.source_hash, md5(n.source_code)) AS source_hash
      INTO own FROM node n WHERE n.id = NEW.node_id;
    NEW.repo_id := COALESCE(own.repo_id, NEW.repo_id);
    NEW.source_hash := COALESCE(NEW.source_hash, own.source_hash);
    IF COALESCE(NEW.content_raw, '') <> '' AND NEW.raw_key IS NULL THEN
        NEW.raw_key := NEW.source_hash || COALESCE('+' || NEW.context_hash, '');
    END IF;
    IF COALESCE(NEW.content, '') <> '' AND NEW.content_key IS NULL THEN
        NEW.content_key := md5(NEW.content_raw);
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER chunk_fill BEFORE INSERT ON chunk FOR EACH ROW EXECUTE FUNCTION doctown_chunk_fill();

CREATE FUNCTION doctown_chunk_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO work (chunk_id, stage, repo_id, priority, wanted_key, reason)
    SELECT n.id, s.stage, n.repo_id, n.priority, s.wanted, 'new'
      FROM new_chunk n
     CROSS JOIN LATERAL (VALUES
           ('coder', n.coder_due, n.source_key),
           ('talker', n.talker_due, md5(n.content_raw)),
           ('embed', n.embed_due, md5(COALESCE(n.source_key, '') || '|' || COALESCE(n.content_raw, '')
                                      || '|' || COALESCE(n.content, '')))
     ) AS s (stage, due, wanted)
     WHERE s.due;
    RETURN NULL;
END $$;

CREATE TRIGGER chunk_inserted AFTER INSERT ON chunk
    REFERENCING NEW TABLE AS new_chunk
    FOR EACH STATEMENT EXECUTE FUNCTION doctown_chunk_inserted();

-- An update that changes nothing at all is a request too: it revives what is retrying or dead.
CREATE FUNCTION doctown_chunk_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO work AS w (chunk_id, stage, repo_id, lane, priority, wanted_key, reason)
    SELECT n.id, s.stage, n.repo_id, s.lane, n.priority, s.wanted, s.reason
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
           ('embed', n.embed_due, o.embed_due,
            md5(COALESCE(n.source_key, '') || '|' || COALESCE(n.content_raw, '') || '|' || COALESCE(n.content, '')),
            md5(COALESCE(o.source_key, '') || '|' || COALESCE(o.content_raw, '') || '|' || COALESCE(o.content, '')),
            CASE WHEN n.embed_key IS NULL THEN 'new'
                 WHEN n.source_key IS DISTINCT FROM o.source_key THEN 'source'
                 WHEN n.embed_key IS DISTINCT FROM o.embed_key THEN 'requeued'
                 ELSE 'raw-changed' END,
            COALESCE(c.lane, 1))
     ) AS s (stage, due, was_due, wanted, wanted_before, reason, lane)
     WHERE s.due AND (NOT s.was_due OR s.wanted IS DISTINCT FROM s.wanted_before OR n IS NOT DISTINCT FROM o)
     ORDER BY n.id, s.stage
    ON CONFLICT (chunk_id, stage) DO UPDATE SET
        wanted_key = excluded.wanted_key,
        reason = excluded.reason,
        priority = excluded.priority,
        lane = CASE WHEN w.state IN ('done', 'dead') THEN excluded.lane ELSE least(w.lane, excluded.lane) END,
        state = CASE w.state WHEN 'leased' THEN 'leased' ELSE 'due' END,
        run_at = clock_timestamp(),
        due_at = CASE WHEN w.state = 'done' THEN clock_timestamp() ELSE w.due_at END,
        attempts = CASE w.state WHEN 'leased' THEN w.attempts ELSE 0 END,
        crashes = CASE w.state WHEN 'leased' THEN w.crashes ELSE 0 END,
        error_class = NULL,
        last_error = NULL;

    UPDATE work w SET priority = n.priority
      FROM new_chunk n JOIN old_chunk o ON o.id = n.id
     WHERE n.priority <> o.priority AND w.chunk_id = n.id AND w.state IN ('due', 'retrying')
       AND w.priority <> n.priority;

    -- No longer due, and not by a save of ours (that closes its row itself): a text written by hand wins, and who
    -- still works under the old fence saves nothing.
    UPDATE work w SET state = 'done', done_at = clock_timestamp(), lease_owner = NULL, lease_until = NULL,
                      fence = w.fence + CASE w.state WHEN 'leased' THEN 1 ELSE 0 END,
                      error_class = NULL, last_error = NULL
      FROM new_chunk n JOIN old_chunk o ON o.id = n.id
     CROSS JOIN LATERAL (VALUES ('coder', n.coder_due, o.coder_due), ('talker', n.talker_due, o.talker_due),
                                ('embed', n.embed_due, o.embed_due)) AS s (stage, due, was_due)
     WHERE s.was_due AND NOT s.due AND w.chunk_id = n.id AND w.stage = s.stage AND w.state <> 'done';

    -- A text that changed without its fence was written by hand (our own saves always raise it). It holds for what
    -- is there now, and no recipe made it. The update runs this trigger once more, which then closes the work; it
    -- must not run for nothing, because a statement trigger fires for no rows too.
    IF EXISTS (SELECT FROM new_chunk n JOIN old_chunk o ON o.id = n.id
                WHERE n.content_raw IS DISTINCT FROM o.content_raw AND COALESCE(n.content_raw, '') <> ''
                      AND n.raw_fence IS NOT DISTINCT FROM o.raw_fence
                   OR n.content IS DISTINCT FROM o.content AND COALESCE(n.content, '') <> ''
                      AND n.content_fence IS NOT DISTINCT FROM o.content_fence) THEN
        UPDATE chunk c
           SET raw_key = CASE WHEN hand.raw THEN c.source_key ELSE c.raw_key END,
               raw_recipe = CASE WHEN hand.raw THEN NULL ELSE c.raw_recipe END,
               content_key = CASE WHEN hand.plain THEN md5(c.content_raw) ELSE c.content_key END,
               content_recipe = CASE WHEN hand.plain THEN NULL ELSE c.content_recipe END,
               updated_at = clock_timestamp()
          FROM (SELECT n.id,
                       n.content_raw IS DISTINCT FROM o.content_raw AND COALESCE(n.content_raw, '') <> ''
                           AND n.raw_fence IS NOT DISTINCT FROM o.raw_fence AS raw,
                       n.content IS DISTINCT FROM o.content AND COALESCE(n.content, '') <> ''
                           AND n.content_fence IS NOT DISTINCT FROM o.content_fence AS plain
                  FROM new_chunk n JOIN old_chunk o ON o.id = n.id) hand
         WHERE c.id = hand.id AND (hand.raw OR hand.plain);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER chunk_updated AFTER UPDATE ON chunk
    REFERENCING OLD TABLE AS old_chunk NEW TABLE AS new_chunk
    FOR EACH STATEMENT EXECUTE FUNCTION doctown_chunk_updated();

-- A node's source changed: its chunks are made from something else now.
CREATE FUNCTION doctown_node_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE chunk c SET source_hash = COALESCE(n.source_hash, md5(n.source_code))
      FROM new_node n JOIN old_node o ON o.id = n.id
     WHERE c.node_id = n.id
       AND (n.source_hash IS DISTINCT FROM o.source_hash
            OR n.source_hash IS NULL AND n.source_code IS DISTINCT FROM o.source_code)
       AND c.source_hash IS DISTINCT FROM COALESCE(n.source_hash, md5(n.source_code));
    RETURN NULL;
END $$;

CREATE TRIGGER node_updated AFTER UPDATE ON node
    REFERENCING OLD TABLE AS old_node NEW TABLE AS new_node
    FOR EACH STATEMENT EXECUTE FUNCTION doctown_node_updated();
