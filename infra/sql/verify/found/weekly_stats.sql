SELECT user_id, year, week, total_volume, workout_count, set_count, rep_count,
       volume_by_muscle_group, sets_by_muscle_group, sessions_by_muscle_group,
       last_trained_by_muscle_group, volume_by_day, quarantined
FROM public.weekly_stats
WHERE %(users)s::bigint[] IS NULL OR user_id = ANY(%(users)s::bigint[])
ORDER BY user_id, year, week
