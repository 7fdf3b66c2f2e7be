-- What two generations say otherwise in a table: all keys, or those of a JSON array.
WITH before AS (SELECT {key}, to_jsonb(t) AS said FROM {before}.{table} t WHERE NOT deleted),
     after AS (SELECT {key}, to_jsonb(t) AS said FROM {after}.{table} t WHERE NOT deleted),
     differing AS (
        SELECT (SELECT to_jsonb(k) FROM (SELECT {key}) k) AS key, before.said AS old, after.said AS new
        FROM before FULL JOIN after USING ({key})
        WHERE before.said - '{version,as_of_lsn,as_of_time,created_at,updated_at}'::text[]
              IS DISTINCT FROM after.said - '{version,as_of_lsn,as_of_time,created_at,updated_at}'::text[])
SELECT key, old, new FROM differing
WHERE %(keys)s::jsonb IS NULL OR key IN (SELECT jsonb_array_elements(%(keys)s::jsonb))
ORDER BY key
