-- Each user's bests by exercise. Only sets of at least one repetition count, and of a weight
-- above 0 for weight records. Ties: the earliest date, then the lowest workout, row and set.

, lift AS (
    SELECT w.user_id, p.exercise_id, w.date, p.workout_id, p.id AS performed_id,
           done.number, done.reps, done.weight
    FROM workout w
    JOIN performed p ON p.workout_id = w.id
    CROSS JOIN LATERAL unnest(p.reps_list, p.weight_list)
        WITH ORDINALITY AS done (reps, weight, number)
    WHERE p.good AND done.reps >= 1
),
-- Every weight record is held by a heaviest set for its number of repetitions.
heaviest AS (
    SELECT DISTINCT ON (user_id, exercise_id, reps) *
    FROM lift WHERE weight > 0
    ORDER BY user_id, exercise_id, reps, weight DESC, date, workout_id, performed_id, number
),
heaviest_of_all AS (
    SELECT DISTINCT ON (user_id, exercise_id) *
    FROM heaviest
    ORDER BY user_id, exercise_id, weight DESC, date, workout_id, performed_id, number
),
-- Epley: weight × (1 + reps / 30). Times 30, it stays exact: so it is compared.
strongest AS (
    SELECT DISTINCT ON (user_id, exercise_id) *, weight * (30 + reps) AS thirty_fold
    FROM heaviest WHERE reps <= 12
    ORDER BY user_id, exercise_id, weight * (30 + reps) DESC, date, workout_id, performed_id, number
),
-- In hundredths: whole ones, and what is left of three thirds.
strongest_parts AS (
    SELECT *, div(thirty_fold * 10, 3) AS hundredths,
           thirty_fold * 10 - 3 * div(thirty_fold * 10, 3) AS thirds
    FROM strongest
),
longest AS (
    SELECT DISTINCT ON (user_id, exercise_id) *
    FROM lift
    ORDER BY user_id, exercise_id, reps DESC, date, workout_id, performed_id, number
),
most_volume AS (
    SELECT DISTINCT ON (user_id, exercise_id)
           user_id, exercise_id, workout_id, date, coalesce(sum(reps * weight), 0) AS volume
    FROM lift
    GROUP BY user_id, exercise_id, workout_id, date
    ORDER BY user_id, exercise_id, volume DESC, date, workout_id
),
record AS (
    SELECT user_id, exercise_id, 'heaviest_weight' AS kind, reps, weight, weight AS value,
           workout_id, date, performed_id, number
    FROM heaviest_of_all
    UNION ALL
    SELECT user_id, exercise_id, 'heaviest_weight:' || reps::integer, reps, weight, weight,
           workout_id, date, performed_id, number
    FROM heaviest
    UNION ALL
    SELECT user_id, exercise_id, 'estimated_1rm', reps, weight,
           0.01 * (hundredths + CASE WHEN 2 * thirds > 3 THEN 1
                                     WHEN 2 * thirds = 3 THEN mod(hundredths, 2)
                                     ELSE 0 END),
           workout_id, date, performed_id, number
    FROM strongest_parts
    UNION ALL
    SELECT user_id, exercise_id, 'workout_volume', NULL, NULL, volume, workout_id, date, NULL, NULL
    FROM most_volume
    UNION ALL
    SELECT user_id, exercise_id, 'set_reps', reps, weight, reps, workout_id, date, performed_id,
           number
    FROM longest
)
SELECT user_id, exercise_id, kind, reps, weight, value, workout_id, date,
       performed_id AS performed_exercise_id, number AS set_number
FROM record
ORDER BY user_id, exercise_id, kind COLLATE "C"
