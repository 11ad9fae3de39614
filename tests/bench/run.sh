#!/bin/sh
# What a message costs: drains generated logins from the scripted SQS server into a private PostgreSQL, all on loopback,
# and prints CPU time, rate and memory of loginetl alone. Options: tests/bench/run.sh --help
set -eu
cd "$(dirname "$0")/../.."
tests/integration/servers/install.sh python >/dev/null
if ! [ -x build/release/loginetl ] || ! [ -x build/release/sqs_stub ]; then
    echo "build first: cmake --preset release && cmake --build --preset release" >&2
    exit 1
fi
exec build/tools/python/bin/python tests/bench/bench.py "$@"
