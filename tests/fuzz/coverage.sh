#!/usr/bin/env bash
# How far the fuzzers' corpora reach: for each fuzzer the lines of the files that it is about, as clang counts them.
#
#   tests/fuzz/coverage.sh [NAME…]        a table: fuzzer, file, lines, lines reached
#   tests/fuzz/coverage.sh --missed NAME  the lines that no input reaches
#
# Counted are tests/fuzz/corpus and what runs have found since (build/fuzz/corpus). Builds into build/fuzz-coverage.
#
# Environment: FUZZ_BUILD as for run.sh; FUZZ_COVERAGE_BUILD, another folder than build/fuzz-coverage.
set -euo pipefail

cd "$(dirname "$0")/../.."
build=${FUZZ_COVERAGE_BUILD:-build/fuzz-coverage}
found=${FUZZ_BUILD:-build/fuzz}/corpus

about() { # about NAME: the files that the fuzzer is for
    case "$1" in
        config) echo src/base/config_read.c ;;
        http) echo src/base/http_read.c src/base/http_read_chunked.c src/base/http_read_head.c ;;
        json) echo src/base/json.c src/base/json_string.c src/base/json_utf8.c ;;
        json_c) echo src/base/json.c src/base/json_reader.c ;;
        json_reader) echo src/base/json_reader.c ;;
        login) echo src/login/row.c ;;
        options) echo src/base/options.c src/base/options_sources.c src/base/options_values.c src/base/config_read.c ;;
        profile) echo src/profile/*.c ;;
        splitter) echo src/base/splitter.c ;;
        sqs_json) echo src/sqs/json_read.c src/sqs/attributes.c src/sqs/json_error.c src/sqs/json_write.c src/sqs/error.c src/sqs/arn.c src/sqs/body.c ;;
        sqs_query) echo src/sqs/xml.c src/sqs/query_read.c src/sqs/query_write.c src/sqs/attributes.c ;;
        version_date_ip) echo src/login/version.c src/login/date.c src/login/ip.c ;;
        *) echo "coverage: say in $0 what fuzz_$1 is about" >&2; return 1 ;;
    esac
}

tool() { # tool NAME: of the same release as clang, whose data no other reads
    local major
    major=$(clang -dumpversion | cut -d. -f1)
    command -v "$1-$major" || command -v "$1" || { echo "coverage: $1 is missing: deps/install.sh all" >&2; return 1; }
}

# Without assertions: clang counts the line behind each of them as never reached, and what only they hold is not meant to
# be reached.
build_all() {
    local log=$build/build.log
    mkdir -p "$build"
    if ! { cmake -S . -B "$build" -G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug -DLOGINETL_FUZZ=ON \
        -DCMAKE_C_FLAGS='-O1 -g -fprofile-instr-generate -fcoverage-mapping -DNDEBUG' && cmake --build "$build"; } \
        >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        return 1
    fi
}

measure() { # measure NAME: runs the corpus once
    local name=$1 folders=() folder
    for folder in "tests/fuzz/corpus/$name" "$found/$name"; do
        [ ! -d "$folder" ] || folders+=("$folder")
    done
    rm -f "$build/$name.profraw"
    LLVM_PROFILE_FILE=$build/$name.profraw "$build/fuzz/fuzz_$name" -runs=0 "${folders[@]}" >"$build/$name.log" 2>&1
    "$profdata" merge -sparse "$build/$name.profraw" -o "$build/$name.profdata"
}

ask() { # ask COMMAND NAME [OPTION…]: llvm-cov, about the files of the fuzzer; their names in the build are relative
    local command=$1 name=$2 files
    shift 2
    files=$(about "$name")
    # shellcheck disable=SC2086  # a list of words
    "$cov" "$command" "$@" -compilation-dir="$PWD" -instr-profile="$build/$name.profdata" "$build/fuzz/fuzz_$name" $files
}

figures() { # figures NAME: file, lines, reached
    ask export "$1" -summary-only |
        python3 -c '
import json, sys
for file in json.load(sys.stdin)["data"][0]["files"]:
    lines = file["summary"]["lines"]
    name = file["filename"]
    name = name[name.index("src/"):]
    print("%-16s %-32s %6d %6d %6.1f %%" % (sys.argv[1], name, lines["count"], lines["covered"], lines["percent"]))
' "$1"
}

profdata=$(tool llvm-profdata)
cov=$(tool llvm-cov)
build_all
if [ "${1:-}" = --missed ]; then
    [ $# = 2 ] || { sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//; p}' "$0" >&2; exit 2; }
    measure "$2"
    ask show "$2" | grep -E '^[^ ]*src/.*:$|^ *[0-9]+\| *0\|' || true
    exit 0
fi
[ $# -gt 0 ] || mapfile -t names < <(find tests/fuzz -maxdepth 1 -name 'fuzz_*.c' -printf '%f\n' | sort | sed 's/^fuzz_//; s/\.c$//')
[ $# = 0 ] || names=("$@")
printf '%-16s %-32s %6s %6s %8s\n' fuzzer file lines reached ''
for name in "${names[@]}"; do
    measure "$name"
    figures "$name"
done
