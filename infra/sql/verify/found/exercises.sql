SELECT exercise_id, name, muscle_group, owner_id
FROM public.exercises
WHERE %(users)s::bigint[] IS NULL OR owner_id IS NULL OR owner_id = ANY(%(users)s::bigint[])
ORDER BY exercise_id
