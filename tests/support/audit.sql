-- What a test may know of the queue's past: every change of a row of work, in order, never changed afterwards.
-- Written in the transaction that makes the change, so it survives whatever the change survives.
CREATE SCHEMA audit;

CREATE TABLE audit.work (
    n           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    op          text NOT NULL,
    chunk_id    bigint NOT NULL,
    stage       text NOT NULL,
    was_state   text, state text,
    was_fence   bigint, fence bigint,
    was_saved   bigint, saved bigint,
    was_attempts integer, attempts integer,
    was_crashes integer, crashes integer,
    was_owner   uuid, owner uuid,
    was_until   timestamptz,
    was_key     text, key text,
    error_class text,
    reason      text
);
CREATE INDEX audit_work_row ON audit.work (chunk_id, stage, n);

CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO audit.work (op, chunk_id, stage, was_state, was_fence, was_saved, was_attempts, was_crashes,
                                was_owner, was_key)
        VALUES (TG_OP, OLD.chunk_id, OLD.stage, OLD.state, OLD.fence, OLD.saved_fence, OLD.attempts, OLD.crashes,
                OLD.lease_owner, OLD.wanted_key);
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO audit.work (op, chunk_id, stage, state, fence, saved, attempts, crashes, owner, key, reason)
        VALUES (TG_OP, NEW.chunk_id, NEW.stage, NEW.state, NEW.fence, NEW.saved_fence, NEW.attempts, NEW.crashes,
                NEW.lease_owner, NEW.wanted_key, NEW.reason);
    ELSE
        INSERT INTO audit.work (op, chunk_id, stage, was_state, state, was_fence, fence, was_saved, saved,
                                was_attempts, attempts, was_crashes, crashes, was_owner, owner, was_until, was_key,
                                key, error_class, reason)
        VALUES (TG_OP, NEW.chunk_id, NEW.stage, OLD.state, NEW.state, OLD.fence, NEW.fence, OLD.saved_fence,
                NEW.saved_fence, OLD.attempts, NEW.attempts, OLD.crashes, NEW.crashes, OLD.lease_owner,
                NEW.lease_owner, OLD.lease_until, OLD.wanted_key, NEW.wanted_key, NEW.error_class, NEW.reason);
    END IF;
    RETURN NULL;
END $$;

-- Renewals change nothing but lease_until; writing them down would drown the rest.
CREATE TRIGGER audit_changed AFTER UPDATE ON work FOR EACH ROW
    WHEN ((OLD.state, OLD.fence, OLD.saved_fence, OLD.attempts, OLD.crashes, OLD.lease_owner, OLD.wanted_key)
          IS DISTINCT FROM
          (NEW.state, NEW.fence, NEW.saved_fence, NEW.attempts, NEW.crashes, NEW.lease_owner, NEW.wanted_key))
    EXECUTE FUNCTION audit.note();
CREATE TRIGGER audit_came_or_went AFTER INSERT OR DELETE ON work FOR EACH ROW EXECUTE FUNCTION audit.note();

-- A save that counted: it closed a claim of its own fence.
CREATE VIEW audit.accepted AS
SELECT n, chunk_id, stage, fence, key FROM audit.work
 WHERE op = 'UPDATE' AND was_state = 'leased' AND state = 'done' AND saved = fence AND saved IS DISTINCT FROM was_saved;

CREATE VIEW audit.claimed AS
SELECT n, chunk_id, stage, fence, owner, key FROM audit.work
 WHERE op = 'UPDATE' AND was_state IS DISTINCT FROM 'leased' AND state = 'leased';

-- A text that a reader could see and then could not.
CREATE TABLE audit.blanked (at timestamptz NOT NULL DEFAULT clock_timestamp(), chunk_id bigint NOT NULL);
CREATE FUNCTION audit.note_blank() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO audit.blanked (chunk_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER audit_blanked AFTER UPDATE ON chunk FOR EACH ROW
    WHEN (COALESCE(OLD.content_raw, '') <> '' AND COALESCE(NEW.content_raw, '') = ''
          OR COALESCE(OLD.content, '') <> '' AND COALESCE(NEW.content, '') = '')
    EXECUTE FUNCTION audit.note_blank();
