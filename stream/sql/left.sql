-- What the tables of a generation hold of a user: how many rows, and the keys of those that hold
-- more than their key.
SELECT 'weekly_stats', count(*), array_agg(year || '-' || week) FILTER (
           WHERE NOT deleted OR total_volume <> 0 OR volume_by_day <> '{}')
FROM {schema}.weekly_stats WHERE user_id = %(user)s
UNION ALL
SELECT 'workouts', count(*), array_agg(workout_id::text) FILTER (
           WHERE NOT deleted OR name IS NOT NULL OR date IS NOT NULL OR exercises <> '[]'
                 OR bad_rows <> '[]')
FROM {schema}.workouts WHERE user_id = %(user)s OR workout_id = ANY(%(workouts)s)
UNION ALL
SELECT 'exercises', count(*), array_agg(exercise_id::text) FILTER (
           WHERE NOT deleted OR name IS NOT NULL)
FROM {schema}.exercises WHERE owner_id = %(user)s OR exercise_id = ANY(%(exercises)s)
UNION ALL
SELECT 'personal_records', count(*), array_agg(exercise_id || ' ' || kind) FILTER (
           WHERE NOT deleted OR value IS NOT NULL)
FROM {schema}.personal_records WHERE user_id = %(user)s
UNION ALL
SELECT 'quarantine', count(*), array_agg(topic || ' ' || key) FILTER (
           WHERE NOT deleted OR event IS NOT NULL)
FROM {schema}.quarantine
WHERE (topic, substring(key FROM ': ?(-?[0-9]+)\}$')) IN (
    SELECT topic, id::text FROM unnest(%(topics)s::text[], %(ids)s::bigint[]) AS mine (topic, id))
