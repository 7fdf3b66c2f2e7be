-- What the primary needs for the capture: run by the owner of the captured tables, again and
-- again without harm. Words in braces are filled in.

-- name: role
-- The role with which Debezium reads. An existing one keeps its attributes.
DO $tonnage$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {user_name}) THEN
        CREATE ROLE {user} LOGIN REPLICATION;
    END IF;
END $tonnage$;

-- name: password
-- The role's password.
ALTER ROLE {user} PASSWORD {password};

-- name: heartbeat
-- One row that is written from time to time, so that the slot lets go of the WAL even when
-- other tables are busy and the captured ones are not.
CREATE SCHEMA IF NOT EXISTS {heartbeat_schema};
CREATE TABLE IF NOT EXISTS {heartbeat} (
    id      smallint PRIMARY KEY CHECK (id = 1),
    beat_at timestamptz NOT NULL
);
INSERT INTO {heartbeat} VALUES (1, clock_timestamp()) ON CONFLICT DO NOTHING;

-- name: grants
-- The least that Debezium needs: read the captured tables, write the heartbeat.
GRANT USAGE ON SCHEMA {schema}, {heartbeat_schema} TO {user};
GRANT SELECT ON {captured} TO {user};
GRANT SELECT, UPDATE ON {heartbeat} TO {user};

-- name: publication
-- Exactly the captured tables and the heartbeat. It is altered rather than made anew: a slot
-- reads the past, in which a new publication does not exist.
DO $tonnage$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubname = {publication_name}) THEN
        CREATE PUBLICATION {publication} FOR TABLE {published}
            WITH (publish = 'insert, update, delete');
    ELSIF ARRAY(SELECT ROW (schemaname, tablename)::text FROM pg_catalog.pg_publication_tables
                WHERE pubname = {publication_name} ORDER BY 1)
       <> ARRAY(SELECT ROW (pair.*)::text FROM (VALUES {published_names}) AS pair ORDER BY 1) THEN
        ALTER PUBLICATION {publication} SET TABLE {published};
    END IF;
END $tonnage$;
