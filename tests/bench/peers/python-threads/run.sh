#!/bin/sh
# run.sh FOLDER: becomes the worker, with CONCURRENCY threads, at most 8 unless THREADS says more: past that they only
# wait for the interpreter's lock.
threads=${CONCURRENCY:-8}
[ "$threads" -le 8 ] || threads=8
export THREADS="${THREADS:-$threads}"
exec "$1/bin/python" "$(dirname "$0")/../python/worker.py"
