#!/usr/bin/env bash
# Holds the sources against the rules of the house. Each rule is a test: it passes, or its violations are listed.
#
#   tests/lint.sh [FOLDER]    this checkout, or another tree (tests/lint_test.sh does that)
#
# What a compiler or a formatter can see is theirs; the rest is in lint.py beside this file.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/..}" || exit 1

for command in shellcheck clang-format python3; do
    command -v "$command" >/dev/null || { echo "lint: $command is missing: deps/install.sh all" >&2; exit 1; }
done

passed=0
failed=0

rule() { # rule NAME COMMAND…: a test, with what the command printed when it failed
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
        printf 'ok    %s\n' "$name"
    else
        failed=$((failed + 1))
        printf 'FAIL  %s\n%s\n' "$name" "$output"
    fi
}

shell_scripts() { # by name, and by first line those whose name has no ending
    local file
    find . \( -name .git -o -path ./build \) -prune -o -type f -print0 |
        while IFS= read -r -d '' file; do
            case "${file##*/}" in
                *.sh) printf '%s\0' "$file" ;;
                *.*) ;;
                *) if head -n 1 "$file" | grep -aqE '^#!.*[/ ](ba|da)?sh'; then printf '%s\0' "$file"; fi ;;
            esac
        done
}

check_shell() { shell_scripts | xargs -0 -r shellcheck; }

check_format() {
    local folders=() folder output
    for folder in src include tests; do
        [ ! -d "$folder" ] || folders+=("$folder")
    done
    [ ${#folders[@]} -gt 0 ] || return 0
    if ! output=$(find "${folders[@]}" -name '*.[ch]' -print0 |
        xargs -0 -r clang-format --dry-run -Werror --style=file 2>&1); then
        printf '%s\n' "$output" |
            sed -n 's/^\([^: ]*\):\([0-9]*\):[0-9]*: error.*/\1:\2: this mends it: clang-format -i \1/p' |
            sort -u -t: -k1,1
        return 1
    fi
}

check_compat() { [ ! -f tests/integration/compat/expected.json ] || python3 "$here/integration/compat/table.py" --check .; }

rule shellcheck check_shell
rule clang-format check_format
rule compat check_compat
for name in layers banned length text; do
    rule "$name" python3 "$here/lint.py" "$name" .
done
python3 "$here/lint.py" figures .
printf 'lint: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
