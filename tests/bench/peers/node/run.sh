#!/bin/sh
# run.sh FOLDER: becomes the worker.
[ -z "${AWS_CA_BUNDLE:-}" ] || export NODE_EXTRA_CA_CERTS="$AWS_CA_BUNDLE" # the name that Node knows
exec node "$1/worker.js"
