#!/bin/sh
# Brings Temporal's two databases to the schema of this version; the same again does no harm.
set -eu
for schema in temporal visibility; do
  database=temporal
  [ "$schema" = temporal ] || database=temporal_visibility
  tool() { temporal-sql-tool --plugin postgres12 --ep postgres -p 5432 -u temporal --db "$database" "$@"; }
  tool setup-schema -v 0.0
  tool update-schema -d "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
