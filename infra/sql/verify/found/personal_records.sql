SELECT user_id, exercise_id, kind, reps, weight, value, workout_id, date, performed_exercise_id,
       set_number
FROM public.personal_records
WHERE %(users)s::bigint[] IS NULL OR user_id = ANY(%(users)s::bigint[])
ORDER BY user_id, exercise_id, kind COLLATE "C"
