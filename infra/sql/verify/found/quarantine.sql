-- Of the captured rows alone: an event whose key can't be read stands for no row.

SELECT performed_exercise_id
FROM (
    SELECT substring(key FROM '^\{"' || %(performed_id)s || '": ?(-?[0-9]+)\}$')::bigint
               AS performed_exercise_id
    FROM public.quarantine WHERE topic = %(performed_topic)s
) AS held
WHERE performed_exercise_id IS NOT NULL AND (
    %(users)s::bigint[] IS NULL OR performed_exercise_id IN (
        SELECT jsonb_path_query(bad_rows, '$[*].performed_exercise_id')::bigint
        FROM public.workouts WHERE user_id = ANY(%(users)s::bigint[])
    )
)
ORDER BY performed_exercise_id
