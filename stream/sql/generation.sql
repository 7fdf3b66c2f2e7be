-- The tables of one generation, in a schema of its own: {schema} is tonnage_g1, tonnage_g2, ...
-- `version` is the offset in the log of the step that made the row: a lower one never overwrites
-- a higher one. A deleted row stays as a soft row, so that a late duplicate can't revive it.

CREATE SCHEMA {schema};

CREATE TABLE {schema}.weekly_stats (
    user_id      bigint NOT NULL,
    year         integer NOT NULL,
    week         integer NOT NULL,
    total_volume numeric NOT NULL DEFAULT 0,
    workout_count integer NOT NULL DEFAULT 0,
    set_count    integer NOT NULL DEFAULT 0,
    rep_count    integer NOT NULL DEFAULT 0,
    volume_by_muscle_group jsonb NOT NULL DEFAULT '{}',
    sets_by_muscle_group jsonb NOT NULL DEFAULT '{}',
    sessions_by_muscle_group jsonb NOT NULL DEFAULT '{}',
    last_trained_by_muscle_group jsonb NOT NULL DEFAULT '{}',
    volume_by_day jsonb NOT NULL DEFAULT '{}',
    quarantined  integer NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    as_of_lsn    pg_lsn,
    as_of_time   timestamptz,
    version      bigint NOT NULL,
    deleted      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (user_id, year, week)
);
CREATE INDEX ON {schema}.weekly_stats (user_id) WHERE quarantined > 0 AND NOT deleted;

CREATE TABLE {schema}.workouts (
    workout_id   bigint PRIMARY KEY,
    user_id      bigint,
    date         timestamptz,
    year         integer,
    week         integer,
    name         text,
    total_volume numeric,
    exercises    jsonb NOT NULL DEFAULT '[]',
    bad_rows     jsonb NOT NULL DEFAULT '[]',
    as_of_lsn    pg_lsn,
    as_of_time   timestamptz,
    version      bigint NOT NULL,
    deleted      boolean NOT NULL DEFAULT false
);
CREATE INDEX ON {schema}.workouts (user_id, year, week) WHERE NOT deleted;
CREATE INDEX ON {schema}.workouts (user_id, total_volume DESC, date, workout_id) WHERE NOT deleted;

CREATE TABLE {schema}.exercises (
    exercise_id  bigint PRIMARY KEY,
    name         text,
    muscle_group text,
    owner_id     bigint,
    as_of_lsn    pg_lsn,
    as_of_time   timestamptz,
    version      bigint NOT NULL,
    deleted      boolean NOT NULL DEFAULT false
);

CREATE TABLE {schema}.personal_records (
    user_id      bigint NOT NULL,
    exercise_id  bigint NOT NULL,
    kind         text NOT NULL,
    reps         integer,
    weight       numeric,
    value        numeric,
    workout_id   bigint,
    date         timestamptz,
    performed_exercise_id bigint,
    set_number   integer,
    as_of_lsn    pg_lsn,
    as_of_time   timestamptz,
    version      bigint NOT NULL,
    deleted      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (user_id, exercise_id, kind)
);

CREATE TABLE {schema}.position (
    topic        text NOT NULL,
    partition    integer NOT NULL,
    next_offset  bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);
COMMENT ON TABLE {schema}.position IS 'How far each output topic is in these tables, written with them';

CREATE TABLE {schema}.quarantine (
    topic        text NOT NULL,
    key          text NOT NULL,
    partition    integer,
    "offset"     bigint,
    reason       text,
    event        text,
    as_of_lsn    pg_lsn,
    as_of_time   timestamptz,
    version      bigint NOT NULL,
    deleted      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (topic, key)
);
