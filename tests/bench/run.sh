#!/usr/bin/env bash
# What a message costs: drains made-up logins from a load server into a private PostgreSQL, all on loopback, and measures
# loginetl, how cheap it could be, and others beside it. Ends with a page of tables, plots, and a JSON file.
#
#   tests/bench/run.sh [--quick | --full] [--with-bento] [--only PATTERN] [--messages N] [--runs N] [--results FOLDER]
#   tests/bench/run.sh --list …           what would run with such options, and about how long
#   tests/bench/run.sh --resume FILE      what is missing in a file of results, when a bench was interrupted
#   tests/bench/run.sh --render FILE      page and plots once more
#   tests/bench/run.sh --summary FILE     ten lines about it
#
# More, and what is measured how: README.md beside this file, and --help. Installs what is missing and says what: Debian
# packages (deps/install.sh bench), Python's into build/tools, peers into build/bench/peers; builds build/release, unless it
# is only to list, render or sum up.
set -euo pipefail
cd "$(dirname "$0")/../.."

deps/install.sh bench
tests/integration/servers/install.sh python
needs_build=yes
for word in "$@"; do
    case $word in -h | --help | --list | --render* | --summary*) needs_build=no ;; esac
done
[ $needs_build = no ] || echo "bench: building build/release"
mkdir -p build/bench
if [ $needs_build = yes ] && ! { cmake --preset release -DLOGINETL_TESTS=ON && cmake --build --preset release; } >build/bench/build.log 2>&1; then
    tail -n 30 build/bench/build.log >&2
    exit 1
fi
export PYTHONDONTWRITEBYTECODE=1
exec build/tools/python/bin/python tests/bench/bench.py "$@"
