#!/bin/sh
# run.sh FOLDER: becomes Bento.
if [ "${BENCH_DRAIN:-}" = 1 ]; then
    export IDLE_TIMEOUT=2s WAIT_TIME_SECONDS=1
fi
# The driver for PostgreSQL wants TLS unless it is told otherwise; libpq and the others take what the server has.
export PGSSLMODE="${PGSSLMODE:-disable}"
export GOGC="${GOGC:-400}" # more memory for a quarter less CPU, as many set it
exec "$1/bento" -c "$(dirname "$0")/bento.yaml"
