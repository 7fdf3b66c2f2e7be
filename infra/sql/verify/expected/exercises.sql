-- The exercises that everyone has, and the users' own.

SELECT id AS exercise_id, name, muscle_group, owner_id
FROM exercise
WHERE %(users)s::bigint[] IS NULL OR owner_id IS NULL OR owner_id = ANY(%(users)s::bigint[])
ORDER BY id
