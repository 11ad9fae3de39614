#!/usr/bin/env bash
# Runs every fuzzer of the fuzz preset for a while, as many at a time as there are processors.
#
#   tests/fuzz/run.sh SECONDS LOG-FOLDER
#
# Each starts from tests/fuzz/corpus/<name>, with the words of tests/fuzz/<name>.dict. What it finds beyond that stays in
# build/fuzz/corpus/<name>, so that the next run goes on from there; an input that breaks something goes into the log
# folder.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit 1
self=tests/fuzz/run.sh

if [ "$1" = --one ]; then
    fuzzer=build/fuzz/fuzz/$2 seconds=$3 logs=$4
    name=${2#fuzz_}
    folders=("build/fuzz/corpus/$name")
    mkdir -p "${folders[@]}"
    [ ! -d "tests/fuzz/corpus/$name" ] || folders+=("tests/fuzz/corpus/$name")
    words=()
    [ ! -f "tests/fuzz/$name.dict" ] || words=("-dict=tests/fuzz/$name.dict")
    if "$fuzzer" "${words[@]}" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$logs/$name-" "${folders[@]}" >"$logs/$name.log" 2>&1; then
        echo "ok    $name: $(grep -a number_of_executed_units "$logs/$name.log" | tr -dc 0-9) runs"
    else
        tail -n 40 "$logs/$name.log"
        echo "FAIL  $name: see $name.log, and the input beside it"
    fi
    exit 0
fi

seconds=$1 logs=$2
mkdir -p "$logs"
# Told by the sources: what was once built may have none any more.
output=$(find tests/fuzz -maxdepth 1 -name 'fuzz_*.c' -printf '%f\0' | sort -z | sed -z 's/\.c$//' |
    xargs -0 -r -P "$(nproc)" -I{} "$self" --one {} "$seconds" "$logs" | tee /dev/stderr)
passed=$(grep -c '^ok ' <<<"$output")
failed=$(grep -c '^FAIL ' <<<"$output")
echo "fuzz: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
