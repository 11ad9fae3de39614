#!/bin/sh
# run.sh FOLDER: becomes the worker.
export GOGC="${GOGC:-400}" # more memory for a quarter less CPU, as many set it
exec "$1/worker"
