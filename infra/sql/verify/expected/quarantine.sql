-- The bad rows. Their reasons are for people: which rows they are must agree.

SELECT id AS performed_exercise_id
FROM performed
WHERE NOT good AND (%(users)s::bigint[] IS NULL OR workout_id IN (SELECT id FROM workout))
ORDER BY id
