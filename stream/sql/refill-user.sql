-- Lets the rows that were filled in {fresh} take the place of a user's in {held}.

-- name: only_what_concerns_the_user
-- A workout that is held as the user's by mistake stays, as whoever's it is, or as deleted: so it
-- is put right, and its version goes on to keep out what is older.
DELETE FROM {fresh}.workouts
WHERE user_id IS DISTINCT FROM {user}
  AND workout_id NOT IN (SELECT workout_id FROM {held}.workouts WHERE user_id = {user});

DELETE FROM {fresh}.quarantine
WHERE topic <> '{performed}' OR coalesce(
    substring(key FROM ': ?(-?[0-9]+)\}$')::bigint NOT IN (
        SELECT jsonb_path_query(bad_rows, '$[*].performed_exercise_id')::bigint
        FROM (TABLE {fresh}.workouts UNION ALL TABLE {held}.workouts) AS workouts
        WHERE user_id = {user}
    ), true)

-- name: save
-- What is replaced, to be compared. A row may be held under another user's id by mistake.
CREATE TABLE {saved}.{table} AS
SELECT * FROM {held}.{table}
WHERE {of_user} OR ({key}) IN (SELECT {key} FROM {fresh}.{table})

-- name: replace
DELETE FROM {held}.{table} WHERE ({key}) IN (SELECT {key} FROM {saved}.{table});

INSERT INTO {held}.{table} TABLE {fresh}.{table}
