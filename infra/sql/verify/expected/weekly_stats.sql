-- Each user's ISO weeks. A workout without rows, or with bad ones alone, still counts.

, counted AS (
    SELECT w.id AS workout_id, w.user_id, w.year, w.week, w.day, w.date,
           coalesce(e.muscle_group, 'unknown') AS muscle_group,
           p.good, p.sets, p.reps, p.volume
    FROM workout w
    LEFT JOIN performed p ON p.workout_id = w.id
    LEFT JOIN exercise e ON e.id = p.exercise_id
),
by_group AS (
    SELECT user_id, year, week, muscle_group, sum(volume) AS volume, sum(sets) AS sets,
           count(DISTINCT workout_id) AS sessions, max(date) AS last_trained
    FROM counted WHERE good
    GROUP BY user_id, year, week, muscle_group
),
groups AS (
    SELECT user_id, year, week,
           jsonb_object_agg(muscle_group, volume) AS volume,
           jsonb_object_agg(muscle_group, sets) AS sets,
           jsonb_object_agg(muscle_group, sessions) AS sessions,
           jsonb_object_agg(
               muscle_group,
               to_char(last_trained AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
           ) AS last_trained
    FROM by_group
    GROUP BY user_id, year, week
),
by_day AS (
    SELECT user_id, year, week, day, count(DISTINCT workout_id) AS workouts,
           coalesce(sum(volume) FILTER (WHERE good), 0) AS volume,
           coalesce(sum(sets) FILTER (WHERE good), 0) AS sets,
           coalesce(sum(reps) FILTER (WHERE good), 0) AS reps,
           count(*) FILTER (WHERE NOT good) AS bad
    FROM counted
    GROUP BY user_id, year, week, day
),
weeks AS (
    SELECT user_id, year, week, sum(workouts) AS workouts, sum(volume) AS volume,
           sum(sets) AS sets, sum(reps) AS reps, sum(bad) AS bad,
           jsonb_object_agg(day, volume) AS by_day
    FROM by_day
    GROUP BY user_id, year, week
)
SELECT user_id, year, week,
       weeks.volume AS total_volume,
       weeks.workouts AS workout_count,
       weeks.sets AS set_count,
       weeks.reps AS rep_count,
       coalesce(groups.volume, '{{}}') AS volume_by_muscle_group,
       coalesce(groups.sets, '{{}}') AS sets_by_muscle_group,
       coalesce(groups.sessions, '{{}}') AS sessions_by_muscle_group,
       coalesce(groups.last_trained, '{{}}') AS last_trained_by_muscle_group,
       weeks.by_day AS volume_by_day,
       weeks.bad AS quarantined
FROM weeks LEFT JOIN groups USING (user_id, year, week)
ORDER BY user_id, year, week
