-- What a look at the primary sees, in one statement and so at one moment.

-- name: look
-- `tables` is expected as {"key": {"schema", "name", "columns": {column: [type, …]}}}.
SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system()) AS system,
       (pg_current_wal_lsn() - '0/0')::bigint AS end,
       (SELECT jsonb_build_object('confirmed', (s.confirmed_flush_lsn - '0/0')::bigint,
                                  'wal_status', s.wal_status)
        FROM pg_catalog.pg_replication_slots s WHERE s.slot_name = %(slot)s) AS slot,
       (SELECT jsonb_object_agg(expected.key, jsonb_build_object(
            'oid', there.oid::bigint,
            'file', pg_relation_filenode(there.oid)::bigint,
            'published', EXISTS (
                SELECT FROM pg_catalog.pg_publication_tables p
                WHERE p.pubname = %(publication)s AND p.schemaname = expected.value ->> 'schema'
                  AND p.tablename = expected.value ->> 'name'),
            'unfit', (
                SELECT coalesce(jsonb_object_agg(wanted.key, format_type(a.atttypid, NULL)), '{}')
                FROM jsonb_each(expected.value -> 'columns') AS wanted
                LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = there.oid
                     AND a.attname = wanted.key AND a.attnum > 0 AND NOT a.attisdropped
                WHERE NOT coalesce(wanted.value ? format_type(a.atttypid, NULL), false))))
        FROM jsonb_each(%(tables)s) AS expected,
             LATERAL (SELECT to_regclass(format('%%I.%%I', expected.value ->> 'schema',
                                                expected.value ->> 'name')) AS oid) AS there
       ) AS tables;

-- name: missing
-- Those of some ids that a table does not have.
SELECT array_agg(held) FROM unnest(%(ids)s::bigint[]) AS held
WHERE NOT EXISTS (SELECT FROM {table} WHERE {id} = held);
