-- What can be seen of the capture on the primary.

-- name: missing_columns
-- The expected columns that are not there; a table that lacks gives all of its columns.
SELECT expected.schema, expected.name, expected.columns[i] AS missing,
       to_regclass(format('%%I.%%I', expected.schema, expected.name)) IS NOT NULL AS table_exists
FROM jsonb_to_recordset(%(expected)s) AS expected(schema text, name text, columns text[]),
     generate_subscripts(expected.columns, 1) AS i
WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = to_regclass(format('%%I.%%I', expected.schema, expected.name))
      AND a.attname = expected.columns[i] AND a.attnum > 0 AND NOT a.attisdropped
)
ORDER BY 1, 2, i;

-- name: wal_level
SELECT current_setting('wal_level');

-- name: slot
-- Where the slot stands, and how much WAL it holds back, in bytes.
SELECT slot_name, database, plugin, active, active_pid, wal_status,
       restart_lsn::text, confirmed_flush_lsn::text,
       pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint AS retained_bytes,
       safe_wal_size
FROM pg_catalog.pg_replication_slots WHERE slot_name = %(slot)s;

-- name: wal_end
-- How much WAL the primary has written since its cluster was made, in bytes.
SELECT (pg_current_wal_lsn() - '0/0')::bigint;

-- name: publication
-- The tables that are published; NULL when there is no such publication.
SELECT (SELECT array_agg(schemaname || '.' || tablename ORDER BY 1)
        FROM pg_catalog.pg_publication_tables t WHERE t.pubname = p.pubname) AS tables
FROM pg_catalog.pg_publication p WHERE p.pubname = %(publication)s;

-- name: heartbeat_exists
SELECT to_regclass('tonnage.heartbeat') IS NOT NULL;

-- name: heartbeat_age
-- Seconds since the heartbeat was written.
SELECT extract(epoch FROM clock_timestamp() - beat_at)::float8 FROM tonnage.heartbeat;

-- name: sizes
-- How many rows each table has, as far as the primary knows; -1 where it has never counted.
SELECT schema || '.' || name, c.reltuples::bigint
FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS expected(schema, name)
JOIN pg_catalog.pg_class c ON c.oid = to_regclass(format('%%I.%%I', schema, name));
