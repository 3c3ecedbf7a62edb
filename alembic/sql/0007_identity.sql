-- The names by which a repository calls its own parts in imports, as its files were read with.
ALTER TABLE repository ADD COLUMN roots jsonb;
