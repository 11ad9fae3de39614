#!/usr/bin/env bash
# Does the simulator see what it is there to see? Each patch of mutants/ breaks the pipeline in one way, which its first
# line says; a simulator with it must fail within so many worlds, and the one without must not.
#
#   tests/sim/mutants.sh [FOLDER] [NAME]    works in FOLDER (build/mutants); only the patches whose name holds NAME
#
# Environment: MUTANT_WORLDS (20000), CC (cc), JOBS (as many as there are processors).
#
# The last line is `mutants: N passed, N failed`.
set -uo pipefail

command -v patch >/dev/null || { echo 'mutants.sh: there is no patch; this installs it: deps/install.sh all' >&2; exit 1; }

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
folder=${1:-$top/build/mutants}
only=${2:-}
worlds=${MUTANT_WORLDS:-20000}
jobs=${JOBS:-$(nproc)}
compiler=${CC:-cc}

flags=(-std=c11 -O1 -g -D_GNU_SOURCE '-DLE_VERSION="mutant"' "-I$top/include")
libraries=(-lmbedcrypto -linih -lexpat)

compile() { # compile SOURCE OBJECT
    "$compiler" "${flags[@]}" -c "$1" -o "$2"
}

# mutant PATCH: prints one line; false when it was not caught
mutant() {
    local patch=$1 name what work caught seen
    name=$(basename "$patch" .patch)
    what=$(sed -n '1s/^# //p' "$patch")
    work=$folder/$name
    rm -rf "$work"
    mkdir -p "$work/src"
    cp -r "$top/src/pipeline" "$work/src/"
    if ! patch -d "$work" -p1 --forward --silent <"$patch" >"$work/log" 2>&1; then
        printf 'FAIL  %s: the patch does not apply any more (%s)\n' "$name" "$what"
        return 1
    fi
    local objects=() source
    for source in "$work"/src/pipeline/*.c; do
        if cmp -s "$source" "$top/src/pipeline/$(basename "$source")"; then
            objects+=("$folder/parts/pipeline_$(basename "$source" .c).o")
        else
            compile "$source" "$source.o" >>"$work/log" 2>&1 || { printf 'FAIL  %s: does not compile\n' "$name"; return 1; }
            objects+=("$source.o")
        fi
    done
    "$compiler" -o "$work/sim" "${objects[@]}" "$folder"/parts/common_*.o "${libraries[@]}" >>"$work/log" 2>&1 ||
        { printf 'FAIL  %s: does not link\n' "$name"; return 1; }
    "$work/sim" --worlds "$worlds" --one >>"$work/log" 2>&1
    caught=$(sed -n 's/^seed \([0-9]*\): \(.*\)/seed \1: \2/p' "$work/log" | head -n 1)
    seen=$(sed -n 's/^\([0-9]*\) worlds, .*/\1/p' "$work/log")
    if [ -z "$caught" ]; then
        printf 'FAIL  %s: not caught in %s worlds (%s)\n' "$name" "$seen" "$what"
        return 1
    fi
    printf 'ok    %s, after %s worlds: %s\n' "$name" "$seen" "$caught"
}

# Everything but the pipeline is the same in all of them.
compile_parts() {
    mkdir -p "$folder/parts" && rm -f "$folder"/parts/*.o || return 1
    local source
    {
        for source in "$top"/src/pipeline/*.c; do
            printf '%s\n%s\n' "$source" "$folder/parts/pipeline_$(basename "$source" .c).o"
        done
        for source in "$top"/src/base/*.c "$top"/src/login/*.c "$top"/src/sqs/*.c "$here"/*.c; do
            printf '%s\n%s\n' "$source" \
                "$folder/parts/common_$(basename "$(dirname "$source")")_$(basename "$source" .c).o"
        done
    } | xargs -P "$jobs" -n 2 "$0" --compile
}

if [ "${1:-}" = --compile ]; then
    compile "$2" "$3"
    exit
fi
if [ "${1:-}" = --mutant ]; then
    folder=$2
    mutant "$3"
    exit
fi

if [ -z "$(find "$here/mutants" -name "*$only*.patch")" ]; then
    echo "FAIL  no patch of $here/mutants has $only in its name"
    echo 'mutants: 0 passed, 1 failed'
    exit 1
fi
if ! compile_parts; then
    echo 'mutants: 0 passed, 1 failed'
    exit 1
fi
passed=0
failed=0
"$compiler" -o "$folder/sim" "$folder"/parts/*.o "${libraries[@]}" || exit 1
if "$folder/sim" --worlds 5000 --jobs "$jobs" >"$folder/log" 2>&1; then
    echo "ok    without a patch, nothing is found in 5000 worlds"
    passed=1
else
    sed -n '/^seed/p' "$folder/log"
    echo 'FAIL  without a patch'
    failed=1
fi
while IFS= read -r line; do
    printf '%s\n' "$line"
    case "$line" in
        ok*) passed=$((passed + 1)) ;;
        *) failed=$((failed + 1)) ;;
    esac
done < <(find "$here/mutants" -name "*$only*.patch" | sort | xargs -P "$jobs" -n 1 "$0" --mutant "$folder")
told=$((passed + failed))
wanted=$(($(find "$here/mutants" -name "*$only*.patch" | wc -l) + 1))
if [ "$told" != "$wanted" ]; then
    echo "FAIL  $told lines for $wanted simulators: some ended without a word"
    failed=$((failed + 1))
fi
printf 'mutants: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
