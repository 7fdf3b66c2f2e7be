-- Upserts of one batch into a generation's tables, guarded by version: a lower one never
-- overwrites a higher one, an equal one is written again. Each statement takes three arrays
-- (key text, value text or null, version) with distinct keys, and returns the keys
-- it accepted, their fields in the order of the key.
-- A null value is a tombstone: the row stays as a soft row, with its version.

-- name: weekly_stats
INSERT INTO {schema}.weekly_stats AS held (
    user_id, year, week, total_volume, workout_count, set_count, rep_count,
    volume_by_muscle_group, sets_by_muscle_group, sessions_by_muscle_group,
    last_trained_by_muscle_group, volume_by_day, quarantined, created_at, updated_at,
    as_of_lsn, as_of_time, version, deleted)
SELECT r.user_id, split_part(r.week, '-W', 1)::integer, split_part(r.week, '-W', 2)::integer,
       coalesce(r.total_volume, 0), coalesce(r.workout_count, 0), coalesce(r.set_count, 0),
       coalesce(r.rep_count, 0), coalesce(r.volume_by_muscle_group, '{}'),
       coalesce(r.sets_by_muscle_group, '{}'), coalesce(r.sessions_by_muscle_group, '{}'),
       coalesce(r.last_trained_by_muscle_group, '{}'), coalesce(r.volume_by_day, '{}'),
       coalesce(r.quarantined, 0), coalesce(r.created_at, now()), coalesce(r.updated_at, now()),
       (r.as_of ->> 'lsn')::pg_lsn, (r.as_of ->> 'time')::timestamptz, i.version, i.value IS NULL
FROM unnest(%(keys)b::text[], %(values)b::text[], %(versions)b::bigint[]) AS i (key, value, version),
     jsonb_to_record(coalesce(i.value, i.key)::jsonb) AS r (
        user_id bigint, week text, total_volume numeric, workout_count integer, set_count integer,
        rep_count integer, volume_by_muscle_group jsonb, sets_by_muscle_group jsonb,
        sessions_by_muscle_group jsonb, last_trained_by_muscle_group jsonb, volume_by_day jsonb,
        quarantined integer, created_at timestamptz, updated_at timestamptz, as_of jsonb)
ON CONFLICT (user_id, year, week) DO UPDATE SET
    total_volume = EXCLUDED.total_volume, workout_count = EXCLUDED.workout_count,
    set_count = EXCLUDED.set_count, rep_count = EXCLUDED.rep_count,
    volume_by_muscle_group = EXCLUDED.volume_by_muscle_group,
    sets_by_muscle_group = EXCLUDED.sets_by_muscle_group,
    sessions_by_muscle_group = EXCLUDED.sessions_by_muscle_group,
    last_trained_by_muscle_group = EXCLUDED.last_trained_by_muscle_group,
    volume_by_day = EXCLUDED.volume_by_day, quarantined = EXCLUDED.quarantined,
    created_at = EXCLUDED.created_at, updated_at = EXCLUDED.updated_at,
    as_of_lsn = EXCLUDED.as_of_lsn, as_of_time = EXCLUDED.as_of_time,
    version = EXCLUDED.version, deleted = EXCLUDED.deleted
WHERE held.version <= EXCLUDED.version
RETURNING user_id, to_char(year, 'FM0000') || '-W' || to_char(week, 'FM00') AS week

-- name: workouts
INSERT INTO {schema}.workouts AS held (
    workout_id, user_id, date, year, week, name, total_volume, exercises, bad_rows,
    as_of_lsn, as_of_time, version, deleted)
SELECT r.workout_id, r.user_id, r.date, split_part(r.week, '-W', 1)::integer,
       split_part(r.week, '-W', 2)::integer, r.name, r.total_volume,
       coalesce(r.exercises, '[]'), coalesce(r.bad_rows, '[]'),
       (r.as_of ->> 'lsn')::pg_lsn, (r.as_of ->> 'time')::timestamptz, i.version, i.value IS NULL
FROM unnest(%(keys)b::text[], %(values)b::text[], %(versions)b::bigint[]) AS i (key, value, version),
     jsonb_to_record(coalesce(i.value, i.key)::jsonb) AS r (
        workout_id bigint, user_id bigint, date timestamptz, week text, name text,
        total_volume numeric, exercises jsonb, bad_rows jsonb, as_of jsonb)
ON CONFLICT (workout_id) DO UPDATE SET
    user_id = EXCLUDED.user_id, date = EXCLUDED.date, year = EXCLUDED.year, week = EXCLUDED.week,
    name = EXCLUDED.name, total_volume = EXCLUDED.total_volume, exercises = EXCLUDED.exercises,
    bad_rows = EXCLUDED.bad_rows, as_of_lsn = EXCLUDED.as_of_lsn, as_of_time = EXCLUDED.as_of_time,
    version = EXCLUDED.version, deleted = EXCLUDED.deleted
WHERE held.version <= EXCLUDED.version
RETURNING workout_id

-- name: exercises
INSERT INTO {schema}.exercises AS held (
    exercise_id, name, muscle_group, owner_id, as_of_lsn, as_of_time, version, deleted)
SELECT r.exercise_id, r.name, r.muscle_group, r.owner_id,
       (r.as_of ->> 'lsn')::pg_lsn, (r.as_of ->> 'time')::timestamptz, i.version, i.value IS NULL
FROM unnest(%(keys)b::text[], %(values)b::text[], %(versions)b::bigint[]) AS i (key, value, version),
     jsonb_to_record(coalesce(i.value, i.key)::jsonb) AS r (
        exercise_id bigint, name text, muscle_group text, owner_id bigint, as_of jsonb)
ON CONFLICT (exercise_id) DO UPDATE SET
    name = EXCLUDED.name, muscle_group = EXCLUDED.muscle_group, owner_id = EXCLUDED.owner_id,
    as_of_lsn = EXCLUDED.as_of_lsn, as_of_time = EXCLUDED.as_of_time,
    version = EXCLUDED.version, deleted = EXCLUDED.deleted
WHERE held.version <= EXCLUDED.version
RETURNING exercise_id

-- name: personal_records
INSERT INTO {schema}.personal_records AS held (
    user_id, exercise_id, kind, reps, weight, value, workout_id, date, performed_exercise_id,
    set_number, as_of_lsn, as_of_time, version, deleted)
SELECT r.user_id, r.exercise_id, r.kind, r.reps, r.weight, r.value, r.workout_id, r.date,
       r.performed_exercise_id, r.set,
       (r.as_of ->> 'lsn')::pg_lsn, (r.as_of ->> 'time')::timestamptz, i.version, i.value IS NULL
FROM unnest(%(keys)b::text[], %(values)b::text[], %(versions)b::bigint[]) AS i (key, value, version),
     jsonb_to_record(coalesce(i.value, i.key)::jsonb) AS r (
        user_id bigint, exercise_id bigint, kind text, reps integer, weight numeric, value numeric,
        workout_id bigint, date timestamptz, performed_exercise_id bigint, set integer, as_of jsonb)
ON CONFLICT (user_id, exercise_id, kind) DO UPDATE SET
    reps = EXCLUDED.reps, weight = EXCLUDED.weight, value = EXCLUDED.value,
    workout_id = EXCLUDED.workout_id, date = EXCLUDED.date,
    performed_exercise_id = EXCLUDED.performed_exercise_id, set_number = EXCLUDED.set_number,
    as_of_lsn = EXCLUDED.as_of_lsn, as_of_time = EXCLUDED.as_of_time,
    version = EXCLUDED.version, deleted = EXCLUDED.deleted
WHERE held.version <= EXCLUDED.version
RETURNING user_id, exercise_id, kind

-- name: quarantine
INSERT INTO {schema}.quarantine AS held (
    topic, key, partition, "offset", reason, event, as_of_lsn, as_of_time, version, deleted)
SELECT r.topic, r.key, r.partition, r."offset", r.reason, r.event,
       (r.as_of ->> 'lsn')::pg_lsn, (r.as_of ->> 'time')::timestamptz, i.version, i.value IS NULL
FROM unnest(%(keys)b::text[], %(values)b::text[], %(versions)b::bigint[]) AS i (key, value, version),
     jsonb_to_record(coalesce(i.value, i.key)::jsonb) AS r (
        topic text, key text, partition integer, "offset" bigint, reason text, event text, as_of jsonb)
ON CONFLICT (topic, key) DO UPDATE SET
    partition = EXCLUDED.partition, "offset" = EXCLUDED."offset", reason = EXCLUDED.reason,
    event = EXCLUDED.event, as_of_lsn = EXCLUDED.as_of_lsn, as_of_time = EXCLUDED.as_of_time,
    version = EXCLUDED.version, deleted = EXCLUDED.deleted
WHERE held.version <= EXCLUDED.version
RETURNING topic, key

-- name: positions
-- Takes four arrays more; `written` is up to where this worker had written before. Where the read
-- store was set back behind that, the position stays, so that what is missing comes again.
INSERT INTO {schema}.position AS held (topic, partition, next_offset)
SELECT topic, partition, i.next_offset
FROM unnest(%(topics)s::text[], %(partitions)s::integer[], %(offsets)s::bigint[],
            %(written)s::bigint[]) AS i (topic, partition, next_offset, written)
     LEFT JOIN {schema}.position AS known USING (topic, partition)
WHERE coalesce(known.next_offset, 0) >= i.written
ON CONFLICT (topic, partition) DO UPDATE SET next_offset = EXCLUDED.next_offset
WHERE held.next_offset < EXCLUDED.next_offset

-- name: notify
-- Only while its generation serves: nobody reads what another one writes.
SELECT pg_notify(%(channel)s, payload) FROM unnest(%(payloads)s::text[]) AS payload
WHERE EXISTS (SELECT FROM tonnage.generation
              WHERE number = %(generation)s AND state = 'serving' AND publishes)

-- name: standing
SELECT (SELECT epoch FROM tonnage.generation
        WHERE number = %(generation)s AND state = 'serving' AND publishes),
       (SELECT coalesce(jsonb_agg(jsonb_build_array(topic, partition, next_offset)), '[]')
        FROM {schema}.position)
