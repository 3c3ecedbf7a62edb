-- Where a repository comes from, up to where it is in the index, and how often it is followed.

ALTER TABLE repository
    ADD COLUMN url text,              -- of a remote repository; NULL: the folder in root
    ADD COLUMN ref text,              -- the branch, tag or commit that is indexed; NULL: what lies in the folder
    ADD COLUMN indexed_commit text,
    ADD COLUMN indexed_apart text[] NOT NULL DEFAULT '{}',
    ADD COLUMN indexed_basis text;

-- One row per followed repository. Whichever daemon finds it due takes it by its lease; nobody leads.
CREATE TABLE follow (
    repo_id     bigint NOT NULL,
    every_s     double precision NOT NULL,
    next_at     timestamptz NOT NULL DEFAULT now(),
    lease_owner uuid,
    lease_until timestamptz,
    failures    integer NOT NULL DEFAULT 0,
    error       text,
    tried_at    timestamptz,
    done_at     timestamptz,
    CONSTRAINT follow_pkey PRIMARY KEY (repo_id),
    CONSTRAINT follow_repo_id_fkey FOREIGN KEY (repo_id) REFERENCES repository (id) ON DELETE CASCADE,
    CONSTRAINT follow_every_check CHECK (every_s >= 1)
) WITH (fillfactor = 50);
