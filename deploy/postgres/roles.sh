#!/bin/sh
# Runs once, on an empty volume. Gangway's role owns its tables and is no superuser, so that row-level security binds it.
set -eu
psql --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
  --set gangway="$GANGWAY_DATABASE_PASSWORD" --set temporal="$TEMPORAL_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE gangway LOGIN PASSWORD :'gangway';
CREATE DATABASE gangway OWNER gangway;
CREATE ROLE temporal LOGIN PASSWORD :'temporal';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
SQL
