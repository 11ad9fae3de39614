#!/usr/bin/env bash
# Sees every rule of lint.sh fail. A small clean tree passes; with violations of one rule put into it, that rule and no
# other fails, and names every one of them.
set -uo pipefail
shopt -s lastpipe # what `… | file` notes down must outlive the pipe

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
expected=()

result() { # result STATUS NAME
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
        printf 'ok    %s\n' "$2"
    else
        failed=$((failed + 1))
        printf 'FAIL  %s\n' "$2"
    fi
}

clean_tree() {
    rm -rf "$work/tree"
    mkdir -p "$work/tree"/{src,include/loginetl}/{base,login,sqs,pipeline,net,aws,pg,app} "$work/tree"/{tests,.ci}
    cp "$here/../.clang-format" "$work/tree/"
    cd "$work/tree" || exit 1
    printf '#!/bin/sh\nexec true\n' >.ci/run
    printf '#include <stddef.h>\n#include <uv.h>\n' >include/loginetl/net/net.h
    printf '#include "loginetl/base/text.h"\n#include <jsmn.h>\n' >src/base/json.c
    printf '#include <mbedtls/md.h>\n#include <openssl/evp.h>\n' >src/base/crypto_bulk.c
    printf '#include <curl/curl.h>\n' >src/net/connect.c
    printf '#include "loginetl/net/net.h"\n#include "loginetl/pipeline/ports.h"\n#include <libpq-fe.h>\n' >src/pg/store.c
    printf '#include "loginetl/aws/queue.h"\n#include "loginetl/pg/store.h"\n' >src/app/main.c
    printf '#include <ini.h>\n' >src/base/config_read.c
    printf '#include <stdlib.h>\n\nvoid le_free(void *ptr)\n{\n    free(ptr);\n}\n' >src/base/mem.c
    printf 'void stop(void)\n{\n    exit(time(NULL));\n}\n' >src/app/stop.c
    lines 70 >src/base/lines.c
    # All that looks like a violation and is none.
    cat >src/login/clean.c <<'C'
#include "loginetl/base/text.h"
/* #include <uv.h>, malloc(1), strcpy(a, b) */
// PQexec(connection)
struct table {
    void (*free)(void *);
    int time;
};

int clean(struct table *table, int free, int exit)
{
    const char *text = "strcpy(a, b); \"malloc(1)\" PQexec";
    table->free(table);
    le_free(table);
    curl_getaddrinfo(text);
    pg_strcpy(text, '"', "sleep(");
    return wait_time(free) + table->time + (free) + exit;
}
C
}

lines() { # lines N: a function of so many lines, from its name to its closing brace
    printf 'void stretched(void)\n{\n'
    seq -f '    a = %.0f;' $(($1 - 3))
    printf '}\n'
}

# Violations: each goes into a file of its own, which the rule has to name, with the line where there is just one.

file() { # file PATH LINE: what comes on standard input, wrong in this line
    mkdir -p "$(dirname "$1")"
    cat >"$1"
    expected+=("$1:$2")
}

include() { # include PATH HEADER
    printf '#include %s\n' "$2" | file "$1" 1
}

call() { # call PATH STATEMENT
    printf 'void violation(void)\n{\n    %s\n}\n' "$2" | file "$1" 3
}

text() { # text LINE: in a file of any kind
    printf 'A heading\n%s\n' "$1" | file "notes/${#expected[@]}.md" 2
}

check() { # check RULE: after its violations were put into the tree
    local output status what
    output=$("$here/lint.sh" "$work/tree" 2>&1)
    status=$?
    # The shell's linter has a way of its own to name a place.
    output=$(sed -E 's|^In (.*) line ([0-9]+):|\1:\2:|; s|^\./||' <<<"$output")
    [ "$status" != 0 ] && [ "$(grep '^FAIL' <<<"$output")" = "FAIL  $1" ]
    result $? "$1 alone fails when it is violated"
    for what in "${expected[@]}"; do
        grep -qE "^${what//./\\.}:( |$)" <<<"$output"
        result $? "$1: $what: $(tr -d '\0' <"${what%:*}" | sed -n "${what##*:}p" | cat -v)"
    done
    expected=()
    clean_tree
}

clean_tree
output=$("$here/lint.sh" "$work/tree" 2>&1)
result $? "a clean tree passes"
[ $failed = 0 ] || printf '%s\n' "$output"
grep -q 'the longest has 70: stretched in src/base/lines.c' <<<"$output"
result $? "the figures name the longest function"

printf '#!/bin/sh\necho %sx\n' '$' | file deploy/by-name.sh 2
check shellcheck
printf '#!/usr/bin/env bash\necho %sx\n' '$' | file .ci/run 2
check shellcheck

printf 'void f(void)\n{\n  return;\n}\n' | file src/base/indent.c 2
printf 'void f(void) {\n    return;\n}\n' | file src/base/brace.c 1
printf 'int  a;\n' | file tests/test_a.c 1
printf 'int  a;\n' | file include/loginetl/base/a.h 1
check clang-format

mkdir -p tests/integration/{compat,servers}
printf '{"steps": {"drain": "rows"}, "rows": [{"server": "X", "target": "x", "protocol": "json", "auto": true, "cells": %s}]}\n' \
    '{"drain": "yes"}' >tests/integration/compat/expected.json
printf 'x==1.2.3\n' >tests/integration/servers/x.txt
printf '<!-- made by tests/integration/compat/table.py -->\n<!-- end -->\n' | file README.md 1
check compat

include src/base/a.c '"loginetl/login/row.h"'
include src/base/b.c '"../pg/store.h"'
include src/base/c.c '<uv.h>'
include src/base/d.c '<pthread.h>'
include src/base/log.c '<jsmn.h>'
include src/base/mask.c '<mbedtls/md.h>'
include src/login/a.c '"loginetl/sqs/codec.h"'
include src/login/b.c '"loginetl/pipeline/ports.h"'
include src/login/c.c '<postgresql/libpq-fe.h>'
include src/login/json.c '<jsmn.h>'
include src/sqs/a.c '"loginetl/login/row.h"'
include src/sqs/b.c '<openssl/evp.h>'
include src/sqs/c.c '<curl/curl.h>'
include src/pipeline/a.c '"loginetl/net/net.h"'
include src/pipeline/b.c '<sys/socket.h>'
include src/net/a.c '"loginetl/aws/queue.h"'
include src/net/b.c '"loginetl/pg/store.h"'
include src/aws/a.c '"loginetl/pg/store.h"'
include src/aws/b.c '<curl/curl.h>'
include src/aws/crypto.c '<psa/crypto.h>'
include src/pg/a.c '"loginetl/aws/queue.h"'
include src/pg/b.c '"loginetl/app/options.h"'
include src/pg/c.c '<ini.h>'
include src/app/a.c '<libpq-fe.h>'
include src/app/b.c '<ini.h>'
include include/loginetl/base/a.h '"loginetl/app/options.h"'
include include/loginetl/base/json.h '<jsmn.h>'
include include/loginetl/pipeline/a.h '<uv.h>'
include include/loginetl/aws/a.h '<loginetl/pg/store.h>'
include src/loose.c '<stdint.h>'
include src/util/a.c '<stdint.h>'
check layers

for name in PQexec PQexecParams PQexecPrepared PQprepare PQconnectdb PQconnectdbParams PQsetdbLogin PQreset PQping \
    PQcancel PQresultErrorMessage; do
    call "src/pg/$name.c" "$name(a, b);"
done
call src/pg/pointer.c "run = PQexec;"
for name in getaddrinfo gethostbyname curl_easy_perform curl_multi_wait curl_multi_poll; do
    call "src/net/$name.c" "$name(a);"
done
for name in strcpy strcat strncpy strncat stpcpy sprintf vsprintf gets strtok atoi atol atof system popen fork sleep usleep \
    nanosleep rand srand random alloca localtime gmtime malloc calloc realloc free strdup strndup asprintf exit _exit \
    time clock_gettime gettimeofday; do
    call "src/base/$name.c" "$name(a);"
done
call src/pg/exit.c "exit(1);"
call src/app/malloc.c "a = malloc(1);"
call src/app/free.c "a.release = free;"
call src/app/address.c "a.release = &free;"
call src/app/realloc.c "use(realloc, le_free);"
call src/app/after.c "f(/* a comment */ strcat(a, \"text\")); /* another */"
printf 'static inline int a(const char *t)\n{\n    return atoi(t);\n}\n' | file include/loginetl/base/a.h 3
check banned

lines 71 | file src/base/a.c 1
{ printf 'struct a {\n    int b;\n};\n\n' && lines 71; } | file src/base/b.c 5
seq -f 'int a%.0f;' 501 | file src/base/c.c 501
seq -f 'int a%.0f;' 501 | file include/loginetl/base/a.h 501
check length

text 'a space at the end '
text $'a tab at the end\t'
text $'a carriage return\r'
text '<<<<<<< HEAD'
# Each of these is cut in two, or this file would be the violation.
text 'see /wo''rk/shared/notes'
text 'see /ho''me/someone/notes'
text 'from re''gistry.example.org'
text 'from py''pi.org'
text 'from gh''cr.io'
text '-----BEGIN PRIV''ATE KEY-----'
text 'AKI''AABCDEFGHIJKLMNOP'
printf 'ELF\0' | file program 1
printf 'no newline' | file notes.md 1
printf 'a:\n\tb\n' | file a.py 2
check text

printf 'lint_test: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
