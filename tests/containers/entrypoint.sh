#!/bin/sh
# As much of the official image's contract as testcontainers uses: POSTGRES_USER,
# POSTGRES_PASSWORD, POSTGRES_DB, and the server's command as arguments.
set -eu
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
PGDATA=$(mktemp -d)
export PATH PGDATA
password=$(mktemp)
echo "$POSTGRES_PASSWORD" >"$password"
initdb --username="$POSTGRES_USER" --pwfile="$password" --auth=scram-sha-256 --encoding=UTF8 --no-sync
echo "CREATE DATABASE $POSTGRES_DB" | postgres --single postgres
echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
exec "$@" -c listen_addresses='*' -c unix_socket_directories=
