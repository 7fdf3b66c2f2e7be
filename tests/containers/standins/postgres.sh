#!/bin/sh
# As much of the official image's contract as is used here: POSTGRES_USER, POSTGRES_PASSWORD,
# POSTGRES_DB, SQL of a folder for a new database, and the server's command as arguments.
set -eu
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
PGDATA=$(mktemp -d)
export PATH PGDATA
password=$(mktemp)
echo "$POSTGRES_PASSWORD" >"$password"
initdb --username="$POSTGRES_USER" --pwfile="$password" --auth=scram-sha-256 --encoding=UTF8 --no-sync
# Not in single-user mode: what is made there has ids of the system's own, and no publication has it.
export PGHOST=/tmp PGUSER="$POSTGRES_USER" PGPASSWORD="$POSTGRES_PASSWORD"
pg_ctl start --silent --wait --options="-c listen_addresses='' -c unix_socket_directories=/tmp"
createdb "$POSTGRES_DB"
for script in /docker-entrypoint-initdb.d/*.sql; do
    [ ! -e "$script" ] || psql --quiet -v ON_ERROR_STOP=1 --dbname="$POSTGRES_DB" --file="$script"
done
pg_ctl stop --silent --wait
unset PGHOST PGUSER PGPASSWORD
echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
[ $# -gt 0 ] || set -- postgres
exec "$@" -c listen_addresses='*' -c unix_socket_directories=
