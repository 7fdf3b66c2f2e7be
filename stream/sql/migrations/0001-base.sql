-- The read store's own tables: which generations there are, which one serves,
-- up to where it is right, and why it may not be.

CREATE SCHEMA tonnage;

CREATE TABLE tonnage.generation (
    number      integer PRIMARY KEY,
    state       text NOT NULL CHECK (state IN ('building', 'serving', 'kept', 'dropping')),
    epoch       integer NOT NULL DEFAULT 0,
    built_from  jsonb NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    served_at   timestamptz
);
CREATE UNIQUE INDEX one_generation_serves ON tonnage.generation (state) WHERE state = 'serving';
COMMENT ON COLUMN tonnage.generation.built_from IS
    'Topic ids, partition counts, time zone, tzdata, mappings, state format: a worker that differs refuses to start';

CREATE TABLE tonnage.frontier (
    generation  integer PRIMARY KEY REFERENCES tonnage.generation ON DELETE CASCADE,
    lsn         pg_lsn NOT NULL,
    source_time timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tonnage.frontier IS
    'Every change of the source up to this LSN is in the generation''s tables';

CREATE TABLE tonnage.incident (
    kind        text PRIMARY KEY,
    detail      text NOT NULL,
    since       timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tonnage.incident IS
    'Why the answers can''t be trusted now (a slot lost, a table truncated): stale while a row is here';

CREATE VIEW tonnage.freshness AS
SELECT g.number AS generation, g.epoch, f.lsn, f.source_time, f.updated_at,
       (SELECT string_agg(i.kind || ': ' || i.detail, '; ' ORDER BY i.since) FROM tonnage.incident i) AS incidents
FROM tonnage.generation g
LEFT JOIN tonnage.frontier f ON f.generation = g.number
WHERE g.state = 'serving';
