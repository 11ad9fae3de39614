#!/usr/bin/env bash
# Runs every fuzzer of the fuzz preset for a while, as many at a time as there are processors.
#
#   tests/fuzz/run.sh SECONDS LOG-FOLDER [NAME…]    all of them, or those (json, login, …)
#   tests/fuzz/run.sh --merge [NAME…]               takes into tests/fuzz/corpus what reaches further than what is there
#
# Each starts from tests/fuzz/corpus/<name>, with the words of tests/fuzz/<name>.dict. What it finds beyond that stays in
# build/fuzz/corpus/<name>, so that the next run, of a minute or of hours, goes on from there; an input that breaks
# something goes into the log folder. How far they reach: tests/fuzz/coverage.sh.
#
# Environment: FUZZ_BUILD, another folder than build/fuzz; FUZZ_SEED: a number other than 0 takes the same way each time that
# it starts from the same inputs.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit 1
self=tests/fuzz/run.sh
build=${FUZZ_BUILD:-build/fuzz}
input_max=4096 # bytes of an input that is merged: small ones reach as far

usage() {
    sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//; p}' "$self" >&2
    exit 2
}

names() { # names [NAME…]: told by the sources, for what was once built may have none any more
    if [ $# -gt 0 ]; then
        printf '%s\0' "$@"
    else
        find tests/fuzz -maxdepth 1 -name 'fuzz_*.c' -printf '%f\0' | sort -z | sed -z 's/^fuzz_//; s/\.c$//'
    fi
}

run_one() { # run_one NAME SECONDS LOG-FOLDER
    local name=$1 seconds=$2 logs=$3 words=()
    local folders=("$build/corpus/$name")
    mkdir -p "${folders[@]}"
    [ ! -d "tests/fuzz/corpus/$name" ] || folders+=("tests/fuzz/corpus/$name")
    [ ! -f "tests/fuzz/$name.dict" ] || words=("-dict=tests/fuzz/$name.dict")
    if "$build/fuzz/fuzz_$name" "${words[@]}" -seed="${FUZZ_SEED:-0}" -max_total_time="$seconds" -timeout=10 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$logs/$name-" "${folders[@]}" >"$logs/$name.log" 2>&1; then
        echo "ok    $name: $(grep -a number_of_executed_units "$logs/$name.log" | tr -dc 0-9) runs"
    else
        tail -n 40 "$logs/$name.log"
        grep -aE 'Assertion|ERROR|runtime error|^Base64' "$logs/$name.log" || true
        echo "FAIL  $name: see $name.log, and the input beside it"
    fi
}

# Edges only, not how often each is taken: a corpus of some dozen files that is worth keeping, not of thousands.
merge_one() { # merge_one NAME
    local name=$1 before after log
    local target=tests/fuzz/corpus/$name
    [ -d "$build/corpus/$name" ] || { echo "$name: nothing new"; return; }
    mkdir -p "$target"
    before=$(find "$target" -type f | wc -l)
    log=$(mktemp)
    if "$build/fuzz/fuzz_$name" -merge=1 -use_counters=0 -max_len="$input_max" -timeout=10 -rss_limit_mb=2048 \
        "$target" "$build/corpus/$name" >"$log" 2>&1; then
        after=$(find "$target" -type f | wc -l)
        echo "$name: $before inputs, now $after, $(find "$target" -type f -printf '%s\n' | awk '{ s += $1 } END { print s + 0 }') bytes"
        rm -f "$log"
    else
        tail -n 40 "$log"
        rm -f "$log"
        return 1
    fi
}

case "${1:-}" in
    --one)
        shift
        run_one "$@"
        exit 0
        ;;
    --merge)
        shift
        failed=0
        while IFS= read -r -d '' name; do
            merge_one "$name" || failed=1
        done < <(names "$@")
        exit "$failed"
        ;;
    '' | -*) usage ;;
esac

[ $# -ge 2 ] || usage
seconds=$1 logs=$2
shift 2
mkdir -p "$logs"
wanted=$(names "$@" | tr -dc '\0' | wc -c)
output=$(names "$@" | xargs -0 -r -P "$(nproc)" -I{} "$self" --one {} "$seconds" "$logs" | tee /dev/stderr)
passed=$(grep -c '^ok ' <<<"$output")
failed=$((wanted - passed)) # one that died without a word has failed too
echo "fuzz: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
