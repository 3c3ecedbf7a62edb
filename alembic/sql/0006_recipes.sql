-- What a recipe is made of, which recipes hold now, and which texts were made by others.

-- Every recipe that ever made a text here, or was to make one: a handful of rows. `parts` names what it is a fingerprint
-- of, so that `doctown why` can say which part has changed.
CREATE TABLE recipe (
    recipe  text NOT NULL CONSTRAINT recipe_pkey PRIMARY KEY,
    stage   text NOT NULL,
    parts   jsonb NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now()
);

-- The recipes that hold now, as the daemon says that started last and still works: {"language": the configured one, stage:
-- {language or strategy/language: recipe}}. `recipes_key` is their fingerprint, and `refresh` its policy.
ALTER TABLE control
    ADD COLUMN recipes     jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN recipes_key text,
    ADD COLUMN refresh     text NOT NULL DEFAULT 'auto',
    ADD CONSTRAINT control_refresh_check CHECK (refresh IN ('auto', 'manual'));
ALTER TABLE worker ADD COLUMN recipes text;

-- For which recipes and language the texts of a repository were last looked through.
ALTER TABLE repository ADD COLUMN swept text;

-- Short hashes of what an answer was made from, by name: {"source": .., "calls": {"save": ..}, ...}.
ALTER TABLE generation ADD COLUMN made_from jsonb;
CREATE INDEX generation_reused ON generation (reused_from) WHERE reused_from IS NOT NULL;

-- How an embedding model is reached, so that questions are still asked of it while another one is being filled in.
ALTER TABLE embedding_model ADD COLUMN settings jsonb NOT NULL DEFAULT '{}';

-- A recipe is a fingerprint, and behind a plus the model's weights where its server tells them. Where one of two does not
-- know the weights, it is not held against the text.
CREATE FUNCTION doctown_same_recipe(made text, wanted text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN made = wanted OR (split_part(made, '+', 1) = split_part(wanted, '+', 1)
                         AND (strpos(made, '+') = 0 OR strpos(wanted, '+') = 0));

-- The recipe that one stage has for a chunk, by its strategy and the language of its repository; null: none is known.
CREATE FUNCTION doctown_recipe_of(recipes jsonb, stage text, strategy text, language text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN COALESCE(recipes -> stage ->> (strategy || '/' || COALESCE(language, recipes ->> 'language')),
                recipes -> stage ->> COALESCE(language, recipes ->> 'language'), recipes -> stage ->> '');

-- The texts and vectors that were made by other recipes than these, unless they are due for another reason anyway. Written
-- by hand is made by no recipe. `waits`: its own technical text is to be written anew first. `rank`: 0 for pieces, then
-- files, packages, repositories, each made from the texts of those before.
CREATE FUNCTION doctown_outdated(recipes jsonb)
RETURNS TABLE (chunk_id bigint, repo_id bigint, priority integer, stage text, made text, wanted text, wanted_key text,
               reason text, waits boolean, rank integer)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT c.id, c.repo_id, c.priority, t.stage, t.made, now.recipe, t.wanted_key,
           CASE WHEN t.stage <> 'embed'
                     AND (SELECT was.parts ->> 'language' FROM recipe was WHERE was.recipe = t.made)
                         <> COALESCE(r.language, recipes ->> 'language')
                THEN 'language' ELSE 'recipe' END,
           t.stage IN ('talker', 'instruct') AND (c.coder_due OR NOT COALESCE(doctown_same_recipe(
               c.raw_recipe, doctown_recipe_of(recipes, 'coder', c.strategy, r.language)), true)),
           COALESCE(array_position('{file,package,repository}', c.strategy), 0)
      FROM chunk c
      JOIN repository r ON r.id = c.repo_id
     CROSS JOIN LATERAL (VALUES
           ('coder', c.raw_recipe, c.coder_due, c.source_key),
           ('talker', c.content_recipe, c.talker_due, md5(c.content_raw)),
           ('instruct', c.instruct_recipe, c.instruct_due OR NOT COALESCE(c.usable, true),
            doctown_instruct_key(c.source_key, c.content_raw, c.sites_hash)),
           ('embed', c.embed_recipe, c.embed_due,
            md5(COALESCE(c.source_key, '') || '|' || COALESCE(c.content_raw, '') || '|' || COALESCE(c.content, '')
                || COALESCE('|' || NULLIF(c.instruct, ''), '')))
           ) AS t (stage, made, due, wanted_key)
     CROSS JOIN LATERAL (SELECT doctown_recipe_of(recipes, t.stage, c.strategy, r.language) AS recipe) now
     WHERE t.made IS NOT NULL AND NOT t.due AND t.wanted_key IS NOT NULL
       AND now.recipe IS NOT NULL AND NOT doctown_same_recipe(t.made, now.recipe)
$$;
