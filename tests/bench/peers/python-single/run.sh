#!/bin/sh
# run.sh FOLDER: becomes the worker, with one thread.
export THREADS=1
exec "$1/bin/python" "$(dirname "$0")/../python/worker.py"
