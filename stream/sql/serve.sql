-- Point the stable views at the tables of one generation. One transaction: readers see the
-- old generation or the new one, never a mixture.

CREATE OR REPLACE VIEW public.weekly_stats AS
SELECT user_id, year, week, total_volume, workout_count, volume_by_muscle_group, created_at, updated_at,
       set_count, rep_count, sets_by_muscle_group, sessions_by_muscle_group,
       last_trained_by_muscle_group, volume_by_day, quarantined, as_of_lsn, as_of_time, version
FROM {schema}.weekly_stats WHERE NOT deleted;

CREATE OR REPLACE VIEW public.workouts AS
SELECT workout_id, user_id, date, year, week, name, total_volume, exercises, bad_rows,
       as_of_lsn, as_of_time, version
FROM {schema}.workouts WHERE NOT deleted;

CREATE OR REPLACE VIEW public.exercises AS
SELECT exercise_id, name, muscle_group, owner_id, as_of_lsn, as_of_time, version
FROM {schema}.exercises WHERE NOT deleted;

CREATE OR REPLACE VIEW public.personal_records AS
SELECT user_id, exercise_id, kind, reps, weight, value, workout_id, date, performed_exercise_id,
       set_number, as_of_lsn, as_of_time, version
FROM {schema}.personal_records WHERE NOT deleted;

CREATE OR REPLACE VIEW public.quarantine AS
SELECT topic, key, partition, "offset", reason, event, as_of_lsn, as_of_time, version
FROM {schema}.quarantine WHERE NOT deleted;

-- Deleted weeks too, with the version of their deletion: for who was away while they went.
CREATE OR REPLACE VIEW tonnage.weekly_changes AS
SELECT user_id, year, week, total_volume, workout_count, set_count, rep_count,
       volume_by_muscle_group, sets_by_muscle_group, sessions_by_muscle_group,
       last_trained_by_muscle_group, volume_by_day, quarantined, created_at, updated_at,
       version, deleted
FROM {schema}.weekly_stats;
