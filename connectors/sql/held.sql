-- The ids of a captured table's rows that a generation holds: as figures, or on the list of
-- bad rows. {schema} is the generation's; %(topic)s the table's source topic, %(key)s a regular
-- expression that finds the id in its keys.

-- name: exercise
SELECT exercise_id FROM {schema}.exercises WHERE NOT deleted
UNION SELECT substring(key FROM %(key)s)::bigint FROM {schema}.quarantine
WHERE topic = %(topic)s AND key ~ %(key)s AND NOT deleted;

-- name: workout
SELECT workout_id FROM {schema}.workouts WHERE NOT deleted
UNION SELECT substring(key FROM %(key)s)::bigint FROM {schema}.quarantine
WHERE topic = %(topic)s AND key ~ %(key)s AND NOT deleted;

-- name: performed
SELECT (row ->> 'performed_exercise_id')::bigint
FROM {schema}.workouts, jsonb_array_elements(exercises || bad_rows) AS row
WHERE NOT deleted
UNION SELECT substring(key FROM %(key)s)::bigint FROM {schema}.quarantine
WHERE topic = %(topic)s AND key ~ %(key)s AND NOT deleted;
