#!/bin/sh
# The namespace that Gangway uses. Ended sessions stay in Temporal this long; the archive in PostgreSQL keeps them after that.
set -eu
until temporal operator cluster health; do sleep 2; done
temporal operator namespace describe --namespace default >/dev/null 2>&1 \
  || temporal operator namespace create --namespace default --retention 72h
