-- What is on the list of the generation that serves, the oldest first.

SELECT topic, key, partition, "offset", reason, event, as_of_lsn::text AS lsn, as_of_time AS since
FROM public.quarantine
ORDER BY as_of_time, topic, key
