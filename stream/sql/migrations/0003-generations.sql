-- Generations beside each other: which capture feeds one, since when it is kept, and which of
-- its partitions the public topics say already.

CREATE SEQUENCE tonnage.generation_number;
DO $$ BEGIN
    PERFORM setval('tonnage.generation_number', max(number)) FROM tonnage.generation HAVING max(number) > 0;
END $$;

ALTER TABLE tonnage.generation
    ADD COLUMN capture integer NOT NULL DEFAULT 0,
    ADD COLUMN publishes boolean NOT NULL DEFAULT true,
    ADD COLUMN kept_at timestamptz;
COMMENT ON COLUMN tonnage.generation.capture IS
    'Which connector, slot and source topics feed it: 0 those of the settings, else those of the rebuild from the source that began with this generation';
COMMENT ON COLUMN tonnage.generation.publishes IS
    'False while it is built again in place: what is half built is not published';

CREATE TABLE tonnage.published (
    epoch       integer NOT NULL,
    partition   integer NOT NULL,
    changed     bigint NOT NULL,
    gone        bigint NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (epoch, partition)
);
COMMENT ON TABLE tonnage.published IS
    'The partitions of the public topics that say what the generation of this serving epoch says';

ALTER TABLE tonnage.incident
    ADD COLUMN generation integer NOT NULL DEFAULT 0,
    DROP CONSTRAINT incident_pkey,
    ADD PRIMARY KEY (kind, generation);
COMMENT ON COLUMN tonnage.incident.generation IS
    'The generation that it befell; 0: every one';

CREATE OR REPLACE VIEW tonnage.freshness AS
SELECT g.number AS generation, g.epoch, f.lsn, f.source_time, f.updated_at,
       (SELECT string_agg(i.kind || ': ' || i.detail, '; ' ORDER BY i.since)
        FROM tonnage.incident i WHERE i.generation IN (0, g.number)) AS incidents
FROM tonnage.generation g
LEFT JOIN tonnage.frontier f ON f.generation = g.number
WHERE g.state = 'serving';
