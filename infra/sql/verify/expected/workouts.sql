-- Each workout with its sets, and the rows of it that are left out.

SELECT w.id AS workout_id, w.user_id, w.date, w.year, w.week, w.name,
       coalesce(sum(p.volume) FILTER (WHERE p.good), 0) AS total_volume,
       coalesce(
           jsonb_agg(
               jsonb_build_object('performed_exercise_id', p.id, 'exercise_id', p.exercise_id,
                                  'volume', p.volume, 'sets', p.sets_json)
               ORDER BY p.id
           ) FILTER (WHERE p.good), '[]') AS exercises,
       coalesce(jsonb_agg(p.id ORDER BY p.id) FILTER (WHERE NOT p.good), '[]') AS bad_rows
FROM workout w
LEFT JOIN (
    SELECT performed.*, (
               SELECT coalesce(jsonb_agg(
                          jsonb_build_object('set', number, 'reps', reps, 'weight', weight,
                                             'volume', coalesce(reps * weight, 0))
                          ORDER BY number), '[]')
               FROM unnest(reps_list, weight_list) WITH ORDINALITY AS done (reps, weight, number)
           ) AS sets_json
    FROM performed
) AS p ON p.workout_id = w.id
GROUP BY w.id, w.user_id, w.date, w.year, w.week, w.name
ORDER BY w.id
