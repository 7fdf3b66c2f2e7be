-- Whose workouts these are, of those that can be read.

SELECT workout_id, user_id FROM public.workouts WHERE workout_id = ANY(%s)
