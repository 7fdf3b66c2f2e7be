-- Takes the values out of a user's rows that are marked as deleted: their keys and versions stay,
-- to keep out what is older. Each statement returns how many rows had values.

-- name: weekly_stats
WITH purged AS (
    UPDATE {schema}.weekly_stats SET
        total_volume = 0, workout_count = 0, set_count = 0, rep_count = 0, quarantined = 0,
        volume_by_muscle_group = '{}', sets_by_muscle_group = '{}',
        sessions_by_muscle_group = '{}', last_trained_by_muscle_group = '{}', volume_by_day = '{}'
    WHERE deleted AND user_id = %(user)s
      AND (total_volume, workout_count, set_count, rep_count, quarantined, volume_by_muscle_group,
           sets_by_muscle_group, sessions_by_muscle_group, last_trained_by_muscle_group,
           volume_by_day)
          IS DISTINCT FROM (0::numeric, 0, 0, 0, 0, '{}'::jsonb, '{}'::jsonb, '{}'::jsonb,
                            '{}'::jsonb, '{}'::jsonb)
    RETURNING 1)
SELECT count(*) FROM purged

-- name: workouts
WITH purged AS (
    UPDATE {schema}.workouts SET
        date = NULL, year = NULL, week = NULL, name = NULL, total_volume = NULL,
        exercises = '[]', bad_rows = '[]'
    WHERE deleted AND (user_id = %(user)s OR workout_id = ANY(%(workouts)s))
      AND (date, year, week, name, total_volume, exercises, bad_rows)
          IS DISTINCT FROM (NULL::timestamptz, NULL::integer, NULL::integer, NULL::text,
                            NULL::numeric, '[]'::jsonb, '[]'::jsonb)
    RETURNING 1)
SELECT count(*) FROM purged

-- name: exercises
WITH purged AS (
    UPDATE {schema}.exercises SET name = NULL, muscle_group = NULL
    WHERE deleted AND (owner_id = %(user)s OR exercise_id = ANY(%(exercises)s))
      AND (name IS NOT NULL OR muscle_group IS NOT NULL)
    RETURNING 1)
SELECT count(*) FROM purged

-- name: personal_records
WITH purged AS (
    UPDATE {schema}.personal_records SET
        reps = NULL, weight = NULL, value = NULL, workout_id = NULL, date = NULL,
        performed_exercise_id = NULL, set_number = NULL
    WHERE deleted AND user_id = %(user)s
      AND num_nonnulls(reps, weight, value, workout_id, date, performed_exercise_id, set_number) > 0
    RETURNING 1)
SELECT count(*) FROM purged

-- name: quarantine
WITH purged AS (
    UPDATE {schema}.quarantine SET partition = NULL, "offset" = NULL, reason = NULL, event = NULL
    WHERE deleted AND num_nonnulls(reason, event) > 0
      AND (topic, substring(key FROM ': ?(-?[0-9]+)\}$')) IN (
          SELECT topic, id::text
          FROM unnest(%(topics)s::text[], %(ids)s::bigint[]) AS mine (topic, id))
    RETURNING 1)
SELECT count(*) FROM purged
