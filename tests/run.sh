#!/usr/bin/env bash
# Builds everything and runs every test; installs what that takes. Logs go to build/logs.
#
#   tests/run.sh                all of it
#   tests/run.sh --quick        without the sanitizers, the fuzzers and the mutants
#   tests/run.sh --long         what takes hours: the steps below that end in -long, and nothing else
#   tests/run.sh --only NAME    the steps whose name matches NAME (a pattern such as 'unit*'), with the builds they need
#
# Steps: lint lint-test unit unit-clang unit-asan native native-asan budget sim sim-asan sim-mutants fuzz integration
# integration-asan; sim-long integration-long compat-long fuzz-long
#
# Environment: SIM_WORLDS, how many (10000; sim-long: SIM_LONG_WORLDS, 1000000); FUZZ_SECONDS, for each fuzzer (10;
# fuzz-long: FUZZ_LONG_SECONDS, 3600); ASAN_SELECT, which integration tests run against the sanitized program, as
# pytest's -m takes it (all), and ASAN_SCALE, their LOGINETL_SCALE (0.05); FUZZ_SEED, where the fuzzers begin (1; fuzz-long:
# drawn).
#
# The last line is `N passed, N failed`. The exit status is 0 if something ran and nothing failed.
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
top=$PWD
logs=$top/build/logs
sim_worlds=${SIM_WORLDS:-10000}
sim_long_worlds=${SIM_LONG_WORLDS:-1000000}
fuzz_seconds=${FUZZ_SECONDS:-10}
fuzz_long_seconds=${FUZZ_LONG_SECONDS:-3600}
asan_select=${ASAN_SELECT:-}
asan_scale=${ASAN_SCALE:-0.05}
# Tests with servers spend most of their time waiting, so three go on each processor. Each worker has servers of its own,
# hence the limit.
workers=$((3 * $(nproc)))
[ "$workers" -le 6 ] || workers=6

quick=no
long=no
only='*'
complain() { echo "run.sh: $1" >&2; exit 2; }
usage() { sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//; p}' "$top/tests/run.sh"; }
while [ $# -gt 0 ]; do
    case "$1" in
        --quick) quick=yes ;;
        --long) long=yes ;;
        --only)
            [ $# -gt 1 ] || complain "--only needs the name of a step (--help lists them)"
            only=$2
            shift
            ;;
        --help) usage; exit 0 ;;
        *) complain "$1 is not an option (--help lists them)" ;;
    esac
    shift
done

# A name that fits no step would build and install, and run nothing.
fits=no
for name in $(usage | sed -n '/^Steps:/,/^$/{s/^Steps://; s/;//; p}'); do
    # shellcheck disable=SC2254  # it is meant as a pattern
    case "$name" in $only) ;; *) continue ;; esac
    case "$long $name" in
        "no "*-long) [ "$fits" = yes ] || fits=long ;;
        "no "* | "yes "*-long) fits=yes ;;
    esac
done
case $fits in
    long) complain "what ends in -long needs --long: --only '$only'" ;;
    no) complain "no step is called '$only'$([ "$long" = no ] || echo " with --long") (--help lists them)" ;;
esac

# ---------------------------------------------------------------------------------------------------------------------
# Steps

passed=0
failed=0
table=()
current= # the process of the step under way, in a process group of its own
early= # that of what is downloaded meanwhile, likewise

stop() {
    trap '' HUP INT TERM
    for group in $current $early; do
        kill -TERM -- "-$group" 2>/dev/null && wait "$group" 2>/dev/null
    done
    exit "$1"
}
trap 'stop 129' HUP
trap 'stop 130' INT
trap 'stop 143' TERM

row() { table+=("$(printf '%-20s %-8s %7s %7s %8s %8s' "$@")"); }

# step NAME SECONDS KIND COUNTED COMMAND…: runs a command, for so many seconds at most, with its output in a log. KIND
# and COUNTED are what count.py takes; a KIND of - counts nothing but the failure.
step() {
    local name=$1 seconds=$2 kind=$3 counted=$4 log=$logs/$1.log began=$SECONDS status=0 ran=0 bad=0 skipped=0 word=ok
    shift 4
    printf '\n== %s\n' "$name"
    # A group of its own, so that what a step leaves behind when it is cut off can be stopped with it. It is cut off as
    # by Ctrl-C (which the shell has turned off for what runs beside it): then pytest still says how far it came.
    setsid env --default-signal=INT timeout --signal=INT --kill-after=60 "$seconds" "$@" >"$log" 2>&1 </dev/null &
    current=$!
    wait "$current" || status=$?
    kill -KILL -- "-$current" 2>/dev/null
    current=
    [ "$kind" = - ] || read -r ran bad skipped < <(python3 tests/count.py "$kind" "$counted" 2>>"$log")
    ran=${ran:-0} bad=${bad:-0} skipped=${skipped:-0} # it may not have come to counting
    if [ "$status" != 0 ] && [ "$bad" = 0 ]; then
        bad=1 # it crashed, or ended in another way than by a test that failed
    elif [ "$kind" != - ] && [ "$status" = 0 ] && [ $((ran + bad)) = 0 ]; then
        echo "run.sh: nothing ran" >>"$log"
        bad=1
    fi
    if [ "$bad" != 0 ]; then
        word=FAILED
        [ "$status" != 124 ] || word=TIMEOUT
        tail -n 60 "$log"
        printf -- '-- %s: %s, status %s; all of it: %s\n' "$name" "$word" "$status" "build/logs/$name.log"
    else
        tail -n 1 "$log"
    fi
    passed=$((passed + ran))
    failed=$((failed + bad))
    if [ "$kind" = - ]; then
        row "$name" "$word" - "$bad" - "$((SECONDS - began)) s"
    else
        row "$name" "$word" "$ran" "$bad" "$skipped" "$((SECONDS - began)) s"
    fi
    [ "$bad" = 0 ]
}

not_run() { # not_run NAME WHY
    printf '\n== %s\nnot run: %s\n' "$1" "$2"
    row "$1" "not run" - - - -
}

missing() { # missing NAME: a step that finds no tests has not passed
    printf '\n== %s\n-- %s: FAILED, there are no tests of this kind\n' "$1" "$1"
    row "$1" FAILED - 1 - -
    failed=$((failed + 1))
}

wanted() { # wanted NAME: is this step asked for?
    if [ "$quick" = yes ]; then
        case "$1" in *asan | fuzz | sim-mutants) return 1 ;; esac
    fi
    case "$1" in
        *-long) [ "$long" = yes ] || return 1 ;;
        *) [ "$long" = no ] || return 1 ;;
    esac
    # shellcheck disable=SC2254  # it is meant as a pattern
    case "$1" in $only) ;; *) return 1 ;; esac
}

declare -A built=()

build() { # build PRESET: once
    local preset=$1
    if [ -z "${built[$preset]:-}" ]; then
        built[$preset]=no
        # shellcheck disable=SC2016  # $1 is for the inner shell
        step "build-$preset" 600 - - bash -c 'cmake --preset "$1" -DLOGINETL_TESTS=ON && cmake --build --preset "$1"' \
            build "$preset" && built[$preset]=yes
    fi
    [ "${built[$preset]}" = yes ]
}

# A download takes the network's time, so that it goes well with the builds, which take the processors'. The step of that name
# waits for its end, and tries again what has failed.
tools_early() { # tools_early NAME…: if one of these steps is asked for
    local name
    for name in "$@"; do
        wanted "$name" || continue
        setsid tests/integration/servers/install.sh all >"$logs/tools-early.log" 2>&1 </dev/null &
        early=$!
        return
    done
}

tools() { # tools TARGET: once
    local target=$1
    if [ -z "${built[tools-$target]:-}" ]; then
        built[tools-$target]=no
        step "tools-$target" 600 - - tests/integration/servers/install.sh "$target" && built[tools-$target]=yes
    fi
    [ "${built[tools-$target]}" = yes ]
}

# Any finding ends the program at once.
asan_options=abort_on_error=1:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
ubsan_options=halt_on_error=1:abort_on_error=1:print_stacktrace=1
sanitized=(env "ASAN_OPTIONS=$asan_options" "UBSAN_OPTIONS=$ubsan_options")

ctests() { # ctests NAME PRESET LABEL
    local name=$1 preset=$2 label=$3 with=(env)
    wanted "$name" || return
    if ! build "$preset"; then
        not_run "$name" "no build"
        return
    fi
    [ "$preset" != asan ] || with=("${sanitized[@]}")
    if [ "$(ctest --test-dir "build/$preset" -N -L "^$label\$" | tail -n 1)" = "Total Tests: 0" ]; then
        missing "$name"
        return
    fi
    rm -f "$logs/$name.xml"
    step "$name" 600 ctest "$logs/$name.xml" "${with[@]}" ctest --test-dir "build/$preset" --label-regex "^$label\$" \
        --output-on-failure --no-tests=error --parallel "$workers" --output-junit "$logs/$name.xml" \
        --test-output-size-passed 10000000 --test-output-size-failed 10000000
}

sim() { # sim NAME PRESET SECONDS WORLDS
    local name=$1 preset=$2 seconds=$3 worlds=$4 with=(env)
    wanted "$name" || return
    [ "$preset" != asan ] || with=("${sanitized[@]}")
    if ! build "$preset"; then
        not_run "$name" "no build"
    else
        step "$name" "$seconds" lines "$logs/$name.log" \
            "${with[@]}" "build/$preset/loginetl_sim" --worlds "$worlds" --jobs "$(nproc)"
    fi
}

# A short run goes the same way each time that it starts from the same inputs (build/fuzz/corpus keeps what earlier ones found):
# what it finds anew is then what a change brought. A long one goes another.
fuzz() { # fuzz NAME SECONDS SEED
    local name=$1 seconds=$2 seed=$3
    wanted "$name" || return
    if ! compgen -G 'tests/fuzz/fuzz_*.c' >/dev/null; then
        missing "$name"
    elif ! build fuzz; then
        not_run "$name" "no build"
    else
        local count
        count=$(compgen -G 'tests/fuzz/fuzz_*.c' | wc -l)
        rm -rf "${logs:?}/$name"
        step "$name" $((count * (seconds + 40) + 60)) lines "$logs/$name.log" \
            "${sanitized[@]}" env FUZZ_SEED="${FUZZ_SEED:-$seed}" tests/fuzz/run.sh "$seconds" "$logs/$name"
    fi
}

budget() { # budget NAME
    local name=$1
    wanted "$name" || return
    if ! build release; then
        not_run "$name" "no build"
    else
        step "$name" 120 lines "$logs/$name.log" tests/bench/budget.py
    fi
}

pytests() { # pytests NAME PRESET SECONDS FOLDER ARGUMENT…
    local name=$1 preset=$2 seconds=$3 with=(env)
    shift 3
    wanted "$name" || return
    if ! compgen -G 'tests/integration/test_*.py' >/dev/null; then
        missing "$name"
        return
    fi
    if ! build "$preset" || ! tools all; then
        not_run "$name" "no build, or no servers"
        return
    fi
    rm -rf "$logs/$name.xml" "$logs/$name.findings"
    if [ "$preset" = asan ]; then
        mkdir -p "$logs/$name.findings"
        local report=:log_path=$logs/$name.findings/report
        with=(env "LOGINETL_SCALE=$asan_scale"
            "ASAN_OPTIONS=$asan_options$report" "UBSAN_OPTIONS=$ubsan_options$report")
    fi
    step "$name" "$seconds" pytest "$logs/$name.log" "${with[@]}" "LOGINETL_BIN=$top/build/$preset/loginetl" \
        PYTHONDONTWRITEBYTECODE=1 build/tools/python/bin/python -m pytest -p no:cacheprovider \
        --numprocesses="$workers" -ra --durations=10 --timeout=300 --junitxml="$logs/$name.xml" "$@"
    if [ "$preset" = asan ]; then
        sanitizer_files "$name"
    fi
}

sanitizer_files() { # a program that was killed or whose status nobody looked at may have said something all the same
    local name=$1 folder=build/logs/$1.findings reports
    reports=$(find "$folder" -type f -size +0 | wc -l)
    if [ "$reports" != 0 ]; then
        printf -- '-- %s: %s sanitizer reports in %s, the first of them:\n' "$name" "$reports" "$folder"
        find "$folder" -type f -size +0 -print0 | sort -z | head -z -n 1 | xargs -0 head -n 40
        row "sanitizer-findings" FAILED - "$reports" - -
        failed=$((failed + reports))
    fi
}

simple() { # simple NAME SECONDS COMMAND…: a script whose last line counts
    local name=$1 seconds=$2
    shift 2
    if wanted "$name"; then
        step "$name" "$seconds" lines "$logs/$name.log" "$@"
    fi
}

# ---------------------------------------------------------------------------------------------------------------------
# The run

mkdir -p "$logs"
began=$SECONDS
if step install 900 - - deps/install.sh all; then
    tools_early integration integration-asan integration-long
    simple lint 120 tests/lint.sh
    simple lint-test 120 tests/lint_test.sh
    ctests unit release unit
    ctests native release native
    budget budget
    ctests unit-clang release-clang unit
    ctests unit-asan asan unit
    ctests native-asan asan native
    sim sim release 300 "$sim_worlds"
    sim sim-asan asan 300 $((sim_worlds / 2))
    simple sim-mutants 600 tests/sim/mutants.sh
    fuzz fuzz "$fuzz_seconds" 1
    pytests integration release 900 tests/integration
    # The bench's driver is Python: what it starts is looked at by others. What a server can do is the same in every build.
    pytests integration-asan asan 900 tests/integration --ignore=tests/integration/test_bench_driver.py \
        --ignore=tests/integration/compat -m "not long${asan_select:+ and ($asan_select)}"
    sim sim-long release 14400 "$sim_long_worlds"
    pytests integration-long release 7200 tests/integration --ignore=tests/integration/compat -m long --timeout=3600
    if wanted compat-long && tools compat; then
        pytests compat-long release 1800 tests/integration/compat -m 'long or not long'
    fi
    fuzz fuzz-long "$fuzz_long_seconds" 0
fi
[ -z "$early" ] || kill -TERM -- "-$early" 2>/dev/null # no step may have come to need it

printf '\n%-20s %-8s %7s %7s %8s %8s\n' step result passed failed skipped time
printf '%s\n' "${table[@]}"
printf '%-20s %-8s %7s %7s %8s %8s\n' all '' "$passed" "$failed" '' "$((SECONDS - began)) s"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
