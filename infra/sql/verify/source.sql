-- The source's rows as the figures need them, computed by PostgreSQL alone: exact numeric
-- arithmetic, its own calendar, its own JSON. The queries of `expected/` go on from here.
-- Parameters: `users`, the users to look at, NULL for all; `zone`, the deployment's time zone.

WITH exercise AS (
    SELECT {exercise_id} AS id, {exercise_name} AS name, {exercise_owner_id} AS owner_id,
           coalesce(nullif({exercise_muscle_group}, ''), 'core') AS muscle_group
    FROM {exercise}
),
-- A date beyond these years has no whole ISO week in every zone: such a workout is left out.
workout AS (
    SELECT {workout_id} AS id, {workout_user_id} AS user_id, {workout_date} AS date,
           {workout_name} AS name,
           extract(isoyear FROM {workout_date} AT TIME ZONE %(zone)s)::integer AS year,
           extract(week FROM {workout_date} AT TIME ZONE %(zone)s)::integer AS week,
           to_char({workout_date} AT TIME ZONE %(zone)s, 'YYYY-MM-DD') AS day
    FROM {workout}
    WHERE {workout_date} >= '0002-01-01 00:00Z' AND {workout_date} < '9999-01-01 00:00Z'
          AND (%(users)s::bigint[] IS NULL OR {workout_user_id} = ANY(%(users)s::bigint[]))
),
-- A row's two lists, side by side: where one is shorter its `json` is NULL, while a null in the
-- list itself is JSON's. `reps` and `weight` are NULL for whatever is no good number.
performed AS (
    SELECT p.{performed_id} AS id, p.{performed_workout_id} AS workout_id,
           p.{performed_exercise_id} AS exercise_id,
           jsonb_typeof(p.{performed_reps_per_set}) = 'array'
               AND coalesce(jsonb_typeof(p.{performed_weights_per_set}), 'null')
                   IN ('array', 'null')
               AND entries.all_good AS good,
           entries.*
    FROM {performed} p
    CROSS JOIN LATERAL (
        SELECT coalesce(bool_and(
                   (reps_json IS NULL OR reps IS NOT NULL)
                   AND (weight_json IS NULL OR weight_json = 'null' OR weight IS NOT NULL)
               ), true) AS all_good,
               count(reps_json) AS sets,
               coalesce(sum(reps), 0) AS reps,
               coalesce(sum(reps * weight), 0) AS volume,
               array_agg(reps ORDER BY number) FILTER (WHERE reps_json IS NOT NULL) AS reps_list,
               array_agg(weight ORDER BY number) FILTER (WHERE reps_json IS NOT NULL)
                   AS weight_list
        FROM (
            SELECT number, reps_json, weight_json,
                   CASE jsonb_typeof(reps_json) WHEN 'number' THEN
                       CASE WHEN reps_json::numeric BETWEEN 0 AND 10000
                                 AND reps_json::numeric = trunc(reps_json::numeric)
                            THEN reps_json::numeric END
                   END AS reps,
                   CASE jsonb_typeof(weight_json) WHEN 'number' THEN
                       CASE WHEN weight_json::numeric BETWEEN -10000 AND 10000
                                 AND length(translate(weight_json::text, '-.', '')) <= 30
                            THEN weight_json::numeric END
                   END AS weight
            FROM ROWS FROM (
                jsonb_array_elements(CASE jsonb_typeof(p.{performed_reps_per_set})
                                     WHEN 'array' THEN p.{performed_reps_per_set} END),
                jsonb_array_elements(CASE jsonb_typeof(p.{performed_weights_per_set})
                                     WHEN 'array' THEN p.{performed_weights_per_set} END)
            ) WITH ORDINALITY AS pair (reps_json, weight_json, number)
        ) AS entry
    ) AS entries
)
