-- What the watch knows of each capture, and incidents that befall a capture.

CREATE TABLE tonnage.watch (
    capture     integer PRIMARY KEY,
    known       jsonb NOT NULL,
    looked_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tonnage.watch IS
    'What a capture was seen to read: the primary''s identity, its tables and their files. Another one there means that changes were missed';

ALTER TABLE tonnage.incident
    ADD COLUMN capture integer NOT NULL DEFAULT -1,
    ADD COLUMN passed boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT incident_pkey,
    ADD PRIMARY KEY (kind, generation, capture);
COMMENT ON COLUMN tonnage.incident.capture IS
    'The capture that it befell, and so every generation that it feeds; -1: whichever feeds it';

COMMENT ON COLUMN tonnage.incident.passed IS
    'It is over; what follows from it is served once the frontier has passed';

CREATE VIEW tonnage.open_incident AS
SELECT g.number AS generation, i.kind, i.detail, i.since
FROM tonnage.generation g
JOIN tonnage.incident i ON i.generation IN (0, g.number) AND i.capture IN (-1, g.capture);

CREATE TABLE tonnage.proof (
    generation  integer PRIMARY KEY REFERENCES tonnage.generation ON DELETE CASCADE,
    users       integer NOT NULL,
    compared    bigint NOT NULL,
    drift       bigint NOT NULL,
    at          timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tonnage.proof IS
    'The last recomputation of some users from the primary: how many rows were compared, how many differed';

CREATE OR REPLACE VIEW tonnage.freshness AS
SELECT g.number AS generation, g.epoch, f.lsn, f.source_time, f.updated_at,
       (SELECT string_agg(i.kind || ': ' || i.detail, '; ' ORDER BY i.since)
        FROM tonnage.open_incident i WHERE i.generation = g.number) AS incidents,
       coalesce(p.drift, 0) AS drift
FROM tonnage.generation g
LEFT JOIN tonnage.frontier f ON f.generation = g.number
LEFT JOIN tonnage.proof p ON p.generation = g.number
WHERE g.state = 'serving';
