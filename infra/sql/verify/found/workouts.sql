-- A bad row's reason is for people: its id is what must agree.

SELECT workout_id, user_id, date, year, week, name, total_volume, exercises,
       jsonb_path_query_array(bad_rows, '$[*].performed_exercise_id') AS bad_rows
FROM public.workouts
WHERE %(users)s::bigint[] IS NULL OR user_id = ANY(%(users)s::bigint[])
ORDER BY workout_id
