-- Every statement of the API. A block starts with its name between dashes; the lines of comment
-- after it say what its rows are. A block's rows go into `answer`, so that figures, freshness
-- and the count of quarantined rows come from one snapshot of one generation.

-- answer --
-- What one request needs: the rows of a block, how fresh they are, how many of the user's rows
-- are left out, and the version of what the rows are made from (null: told by the rows alone).
SELECT json_build_object(
    'freshness', (SELECT row_to_json(f) FROM tonnage.freshness f),
    'quarantined', (SELECT coalesce(sum(quarantined), 0) FROM weekly_stats
                    WHERE user_id = %(user)s AND quarantined > 0),
    'version', {version},
    'rows', (SELECT coalesce(json_agg(d), '[]') FROM ({rows}) d)
)::text

-- health --
-- How fresh the read store is, and how many rows are left out, those that are in no week too.
SELECT json_build_object(
    'freshness', (SELECT row_to_json(f) FROM tonnage.freshness f),
    'quarantined', (SELECT count(*) FROM quarantine),
    'rows', json_build_array()
)::text

-- freshness --
-- How fresh the read store is, and nothing else: polled while a client waits for its own write.
SELECT json_build_object(
    'freshness', (SELECT row_to_json(f) FROM tonnage.freshness f), 'quarantined', 0,
    'rows', json_build_array()
)::text

-- version_of_weeks --
-- Changes with every change of the user's weeks, by their versions alone.
(SELECT sum(hashint8extended(year * 100 + week, version))::text
 FROM weekly_stats WHERE user_id = %(user)s)

-- version_of_records --
-- Changes with every change of the user's records and of their exercises' names.
(SELECT sum(hashtextextended(concat_ws(' ', r.exercise_id, r.kind, e.version), r.version))::text
 FROM personal_records r LEFT JOIN exercises e USING (exercise_id) WHERE r.user_id = %(user)s)

-- version_of_changes --
-- The version of the user's last change, deletions included.
(SELECT max(version)::text FROM tonnage.weekly_changes WHERE user_id = %(user)s)

-- nothing --
-- No rows: a version is asked for alone.
SELECT WHERE false

-- weekly_volume --
-- Volume and workouts of each week from one to another, both included, oldest first.
SELECT year, week, total_volume, workout_count
FROM weekly_stats
WHERE user_id = %(user)s
  AND (year, week) BETWEEN (%(first_year)s, %(first_week)s) AND (%(last_year)s, %(last_week)s)
ORDER BY year, week

-- muscle_groups --
-- Volume of each muscle group over the weeks from one to another, both included.
SELECT g.key AS muscle_group, trim_scale(sum(g.value::numeric)) AS volume
FROM weekly_stats s, jsonb_each_text(s.volume_by_muscle_group) g
WHERE s.user_id = %(user)s
  AND (s.year, s.week) BETWEEN (%(first_year)s, %(first_week)s) AND (%(last_year)s, %(last_week)s)
GROUP BY g.key
ORDER BY g.key

-- weekly_groups --
-- Each week's figures by muscle group, from one week to another, both included, oldest first.
SELECT year, week, total_volume, volume_by_muscle_group, sets_by_muscle_group,
       sessions_by_muscle_group
FROM weekly_stats
WHERE user_id = %(user)s
  AND (year, week) BETWEEN (%(first_year)s, %(first_week)s) AND (%(last_year)s, %(last_week)s)
ORDER BY year, week

-- weekly_days --
-- Each week's volume by day, from one week to another, both included, oldest first.
SELECT year, week, total_volume, workout_count, volume_by_day
FROM weekly_stats
WHERE user_id = %(user)s
  AND (year, week) BETWEEN (%(first_year)s, %(first_week)s) AND (%(last_year)s, %(last_week)s)
ORDER BY year, week

-- week --
-- One week's WeeklyStats; no row where the user has no workout in it.
SELECT user_id, year, week, total_volume, workout_count, set_count, rep_count,
       volume_by_muscle_group, sets_by_muscle_group, sessions_by_muscle_group,
       last_trained_by_muscle_group, volume_by_day, quarantined, created_at, updated_at
FROM weekly_stats
WHERE user_id = %(user)s AND year = %(year)s AND week = %(week)s

-- last_trained --
-- When each muscle group was last trained, over all the user's weeks.
SELECT g.key AS muscle_group, max(g.value::timestamptz) AS last_trained
FROM weekly_stats s, jsonb_each_text(s.last_trained_by_muscle_group) g
WHERE s.user_id = %(user)s
GROUP BY g.key
ORDER BY g.key

-- trained_weeks --
-- Every week with at least one workout, oldest first.
SELECT year, week FROM weekly_stats WHERE user_id = %(user)s ORDER BY year, week

-- top_workouts --
-- The workouts of most volume, ties by date then id. A row that is left out is an exercise too.
SELECT workout_id AS id, date, name, total_volume,
       jsonb_array_length(exercises) + jsonb_array_length(bad_rows) AS exercise_count
FROM workouts
WHERE user_id = %(user)s
  AND (year, week) BETWEEN (%(first_year)s, %(first_week)s) AND (%(last_year)s, %(last_week)s)
  AND (%(after_id)s::bigint IS NULL
       OR (-total_volume, date, workout_id)
          > (-%(after_volume)s::numeric, %(after_date)s::timestamptz, %(after_id)s::bigint))
ORDER BY total_volume DESC, date, workout_id
LIMIT %(limit)s

-- records --
-- Personal records with their evidence, of one exercise or (null) of all, after a cursor.
SELECT r.exercise_id, e.name AS exercise, r.kind, r.reps, r.weight, r.value,
       json_build_object('workout_id', r.workout_id, 'date', r.date,
                         'performed_exercise_id', r.performed_exercise_id,
                         'set', r.set_number) AS evidence
FROM personal_records r
CROSS JOIN LATERAL (
    SELECT split_part(r.kind, ':', 1) AS kind,
           coalesce(nullif(split_part(r.kind, ':', 2), '')::integer, 0) AS reps) AS part
LEFT JOIN exercises e USING (exercise_id)
WHERE r.user_id = %(user)s
  AND r.exercise_id = coalesce(%(exercise)s::bigint, r.exercise_id)
  AND (%(after_exercise)s::bigint IS NULL
       OR (r.exercise_id, part.kind, part.reps)
          > (%(after_exercise)s::bigint, %(after_kind)s::text, %(after_reps)s::integer))
ORDER BY r.exercise_id, part.kind, part.reps
LIMIT %(limit)s

-- performed_until --
-- Every performed exercise of workouts before a moment, of one exercise or (null) of all.
SELECT w.workout_id, w.date, p.performed_exercise_id, p.exercise_id, e.name AS exercise,
       e.muscle_group, p.volume, p.sets
FROM workouts w
CROSS JOIN LATERAL jsonb_to_recordset(w.exercises) AS p (
    performed_exercise_id bigint, exercise_id bigint, volume numeric, sets jsonb)
LEFT JOIN exercises e USING (exercise_id)
WHERE w.user_id = %(user)s AND w.date < %(until)s::timestamptz
  AND p.exercise_id = coalesce(%(exercise)s::bigint, p.exercise_id)
ORDER BY w.date, w.workout_id, p.performed_exercise_id

-- performed_within --
-- Every performed exercise of one exercise, in the weeks from one to another, both included.
SELECT w.workout_id, w.date, p.performed_exercise_id, p.exercise_id, e.name AS exercise,
       e.muscle_group, p.volume, p.sets
FROM workouts w
CROSS JOIN LATERAL jsonb_to_recordset(w.exercises) AS p (
    performed_exercise_id bigint, exercise_id bigint, volume numeric, sets jsonb)
LEFT JOIN exercises e USING (exercise_id)
WHERE w.user_id = %(user)s AND p.exercise_id = %(exercise)s
  AND (w.year, w.week)
      BETWEEN (%(first_year)s, %(first_week)s) AND (%(last_year)s, %(last_week)s)
ORDER BY w.date, w.workout_id, p.performed_exercise_id

-- week_in_full --
-- One row: a week's WeeklyStats (or null), its workouts, and the exercises in them.
WITH of_week AS (
    SELECT workout_id, date, name, total_volume, exercises, bad_rows
    FROM workouts
    WHERE user_id = %(user)s AND year = %(year)s AND week = %(week)s
)
SELECT (SELECT row_to_json(s) FROM ({week}) s) AS week,
       (SELECT coalesce(json_agg(w ORDER BY w.date, w.workout_id), '[]') FROM of_week w) AS workouts,
       (SELECT coalesce(json_agg(json_build_object(
                   'exercise_id', e.exercise_id, 'name', e.name, 'muscle_group', e.muscle_group)), '[]')
        FROM exercises e
        WHERE e.exercise_id IN (
            SELECT (p ->> 'exercise_id')::bigint
            FROM of_week w, jsonb_array_elements(w.exercises || w.bad_rows) p)) AS exercises

-- exercises --
-- The exercises in the user's workouts, after a cursor: how many workouts have each, and when it
-- was last done. Name and group are null while the exercise itself has not arrived.
SELECT p.exercise_id, e.name, e.muscle_group, e.owner_id IS NOT NULL AS is_custom,
       count(DISTINCT w.workout_id) AS sessions, max(w.date) AS last_performed
FROM workouts w
CROSS JOIN LATERAL jsonb_to_recordset(w.exercises) AS p (exercise_id bigint)
LEFT JOIN exercises e USING (exercise_id)
WHERE w.user_id = %(user)s
  AND (%(after_id)s::bigint IS NULL
       OR (e.name IS NULL, coalesce(e.name, ''), p.exercise_id)
          > (%(after_nameless)s::boolean, %(after_name)s::text, %(after_id)s::bigint))
GROUP BY p.exercise_id, e.name, e.muscle_group, e.owner_id
ORDER BY e.name IS NULL, coalesce(e.name, ''), p.exercise_id
LIMIT %(limit)s

-- changes_since --
-- The user's weeks that have changed from a version on, itself included since several weeks may
-- share one; the oldest change first.
SELECT user_id, year, week, total_volume, workout_count, set_count, rep_count,
       volume_by_muscle_group, sets_by_muscle_group, sessions_by_muscle_group,
       last_trained_by_muscle_group, volume_by_day, quarantined, created_at, updated_at,
       version, deleted
FROM tonnage.weekly_changes
WHERE user_id = %(user)s AND version >= %(since)s::bigint
ORDER BY version, year, week

-- changed_weeks --
-- Weeks of several users as they are now, the oldest change first.
SELECT json_build_object(
    'freshness', (SELECT row_to_json(f) FROM tonnage.freshness f), 'quarantined', 0,
    'rows', (SELECT coalesce(json_agg(c ORDER BY c.version), '[]')
             FROM tonnage.weekly_changes c
             JOIN unnest(%(users)s::bigint[], %(years)s::integer[], %(weeks)s::integer[])
                  AS asked (user_id, year, week) USING (user_id, year, week))
)::text
