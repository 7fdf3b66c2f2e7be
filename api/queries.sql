-- Every statement of the API. A block starts with its name between dashes; the lines of comment
-- after it say what its rows are. A block's rows go into `answer`, so that figures, freshness
-- and the count of quarantined rows come from one snapshot of one generation.

-- answer --
-- What one request needs: the rows of a block, how fresh they are, and how many of the user's
-- rows are left out.
SELECT json_build_object(
    'freshness', (SELECT row_to_json(f) FROM tonnage.freshness f),
    'quarantined', (SELECT coalesce(sum(quarantined), 0) FROM weekly_stats
                    WHERE user_id = %(user)s AND quarantined > 0),
    'rows', (SELECT coalesce(json_agg(d), '[]') FROM ({rows}) d)
)::text

-- health --
-- How fresh the read store is, and how many rows of all users are left out.
SELECT json_build_object(
    'freshness', (SELECT row_to_json(f) FROM tonnage.freshness f),
    'quarantined', (SELECT coalesce(sum(quarantined), 0) FROM weekly_stats WHERE quarantined > 0),
    'rows', json_build_array()
)::text

-- freshness --
-- How fresh the read store is, and nothing else: polled while a client waits for its own write.
SELECT json_build_object(
    'freshness', (SELECT row_to_json(f) FROM tonnage.freshness f), 'quarantined', 0,
    'rows', json_build_array()
)::text

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
ORDER BY total_volume DESC, date, workout_id
LIMIT %(limit)s

-- records --
-- Personal records with their evidence, of one exercise or (null) of all.
SELECT r.exercise_id, e.name AS exercise, r.kind, r.reps, r.weight, r.value,
       json_build_object('workout_id', r.workout_id, 'date', r.date,
                         'performed_exercise_id', r.performed_exercise_id,
                         'set', r.set_number) AS evidence
FROM personal_records r
LEFT JOIN exercises e USING (exercise_id)
WHERE r.user_id = %(user)s
  AND r.exercise_id = coalesce(%(exercise)s::bigint, r.exercise_id)
ORDER BY r.exercise_id, split_part(r.kind, ':', 1), position(':' IN r.kind), r.reps

-- exercises --
-- The exercises in the user's workouts: how many workouts have each, and when it was last done.
-- Name and group are null while the exercise itself has not arrived.
SELECT p.exercise_id, e.name, e.muscle_group, e.owner_id IS NOT NULL AS is_custom,
       count(DISTINCT w.workout_id) AS sessions, max(w.date) AS last_performed
FROM workouts w
CROSS JOIN LATERAL jsonb_to_recordset(w.exercises) AS p (exercise_id bigint)
LEFT JOIN exercises e USING (exercise_id)
WHERE w.user_id = %(user)s
GROUP BY p.exercise_id, e.name, e.muscle_group, e.owner_id
ORDER BY e.name, p.exercise_id
