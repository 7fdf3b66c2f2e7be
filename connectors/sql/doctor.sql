-- What the doctor reads on the primary, in one statement.

-- name: primary
SELECT
    current_setting('server_version_num')::integer AS version,
    current_setting('wal_level') AS wal_level,
    pg_is_in_recovery() AS in_recovery,
    current_setting('max_replication_slots')::integer AS max_slots,
    (SELECT count(*) FROM pg_catalog.pg_replication_slots) AS slots,
    current_setting('max_wal_senders')::integer AS max_senders,
    (SELECT count(*) FROM pg_catalog.pg_stat_replication) AS senders,
    current_setting('max_slot_wal_keep_size') AS keep_size,
    clock_timestamp() AS now,
    (SELECT jsonb_build_object('wal_status', s.wal_status, 'active', s.active,
            'plugin', s.plugin, 'failover', to_jsonb(s) -> 'failover',
            'retained', pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN NULL
                                             ELSE pg_current_wal_lsn() END, s.restart_lsn))
     FROM pg_catalog.pg_replication_slots s WHERE s.slot_name = %(slot)s) AS slot,
    (SELECT jsonb_build_object('inserts', p.pubinsert, 'updates', p.pubupdate,
            'deletes', p.pubdelete,
            'tables', (SELECT coalesce(jsonb_agg(schemaname || '.' || tablename ORDER BY 1), '[]')
                       FROM pg_catalog.pg_publication_tables t WHERE t.pubname = p.pubname))
     FROM pg_catalog.pg_publication p WHERE p.pubname = %(publication)s) AS publication,
    (SELECT jsonb_build_object('login', r.rolcanlogin, 'replication', r.rolreplication,
            'super', r.rolsuper)
     FROM pg_catalog.pg_roles r WHERE r.rolname = %(user)s) AS role,
    (SELECT coalesce(jsonb_object_agg(expected.key, jsonb_build_object(
            'exists', there.oid IS NOT NULL,
            'identity', c.relreplident,
            'key', (SELECT coalesce(jsonb_agg(jsonb_build_array(a.attname,
                                                 format_type(a.atttypid, NULL))), '[]')
                    FROM pg_catalog.pg_index i
                    JOIN pg_catalog.pg_attribute a
                      ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
                    WHERE i.indrelid = there.oid AND i.indisprimary),
            'readable', coalesce(has_schema_privilege(r.oid, n.oid, 'USAGE')
                                 AND has_table_privilege(r.oid, there.oid, 'SELECT'), false),
            'writable', coalesce(has_schema_privilege(r.oid, n.oid, 'USAGE')
                                 AND has_table_privilege(r.oid, there.oid, 'UPDATE'), false),
            'unfit', (SELECT coalesce(jsonb_object_agg(wanted.key,
                                                       format_type(a.atttypid, NULL)), '{}')
                      FROM jsonb_each(expected.value -> 'columns') AS wanted
                      LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = there.oid
                           AND a.attname = wanted.key AND a.attnum > 0 AND NOT a.attisdropped
                      WHERE NOT coalesce(wanted.value ? format_type(a.atttypid, NULL), false)))),
            '{}')
     FROM jsonb_each(%(tables)s) AS expected
     CROSS JOIN LATERAL (SELECT to_regclass(format('%%I.%%I', expected.value ->> 'schema',
                                                   expected.value ->> 'name')) AS oid) AS there
     LEFT JOIN pg_catalog.pg_class c ON c.oid = there.oid
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_roles r ON r.rolname = %(user)s) AS tables;

-- name: heartbeat
SELECT count(*) FROM tonnage.heartbeat;
