#!/usr/bin/env bash
# From a fresh checkout to masked rows on the screen: installs what is missing, builds loginetl, starts a PostgreSQL and
# an SQS server of its own, lets some logins flow from the one to the other, and stops what it started.
#
#   ./quickstart.sh             the whole way, then everything is stopped again
#   … --stay                    the same, but the two servers stay until Ctrl-C, to try things in another terminal
#   … --server elasticmq        with ElasticMQ as the SQS server, which takes Java and Maven, instead of MiniStack
#
# Both servers listen on free ports of 127.0.0.1. All they write is in build/quickstart; only for root, in a checkout
# that others cannot enter (below /root, say), the database lives in the temporary folder while it runs.
set -euo pipefail

cd "$(dirname "$0")"
top=$PWD
work=$top/build/quickstart
logs=$work/logs
loginetl=build/release/loginetl
sample=deploy/sample-logins.ndjson
queue=login-queue

say() { printf '%s\n' "$*"; }
step() { printf '\n== %s\n' "$*"; }
die() { printf '\nquickstart: %s\n' "$*" >&2; exit 1; }

# ---------------------------------------------------------------------------------------------------------------------
# What was started, and how it is stopped

postgres_pid=
queue_pid=
elsewhere= # the database's folder, when it could not be in build/quickstart

gone() { # gone PID: ended within ten seconds?
    local left
    for ((left = 100; left > 0; left--)); do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.1
    done
    return 1
}

stop() { # stop PID SIGNAL
    [ -n "$1" ] || return 0
    kill "-$2" "$1" 2>/dev/null || true
    gone "$1" || kill -KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

stop_all() {
    local status=$?
    trap '' HUP INT TERM
    stop "$queue_pid" TERM
    stop "$postgres_pid" INT # postgres calls this its fast shutdown
    rm -rf "$work/postgres" "$work/queue" ${elsewhere:+"$elsewhere"}
    return "$status"
}

# ---------------------------------------------------------------------------------------------------------------------
# Helpers

logged() { # logged NAME COMMAND…: quiet when it works, the end of what it said when it does not
    local log=$logs/$1.log
    shift
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 30 "$log" >&2
        die "this failed: $* (all of it: $log)"
    fi
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

answers() { # answers URL
    python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=2)' "$1" 2>/dev/null
}

wait_for() { # wait_for PID LOG COMMAND…: until the command succeeds, the process has ended or a minute is over
    local pid=$1 log=$2 left
    shift 2
    for ((left = 300; left > 0; left--)); do
        ! "$@" >/dev/null 2>&1 || return 0
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.2
    done
    tail -n 20 "$log" >&2
    die "it did not start (all that it said: $log)"
}

# The PostgreSQL server refuses to run as root; then it runs as the user that its package made.
as_database_user=()
if [ "$(id -u)" = 0 ]; then
    database_user=postgres
    as_database_user=(setpriv "--reuid=$database_user" "--regid=$database_user" --init-groups)
fi

database_folder() { # prints the folder: here, unless the unprivileged user cannot get here (a checkout below /root)
    local folder=$work/postgres
    mkdir -p "$folder"
    if [ ${#as_database_user[@]} -gt 0 ]; then
        chown "$database_user" "$folder"
        if ! "${as_database_user[@]}" test -w "$folder"; then
            rmdir "$folder"
            folder=$(mktemp -d "${TMPDIR:-/tmp}/loginetl-quickstart.XXXXXX")
            chown "$database_user" "$folder"
        fi
    fi
    printf '%s' "$folder"
}

start_postgres() {
    local bin folder password
    bin=$(find /usr/lib/postgresql -path '*/bin/postgres' 2>/dev/null | sort -V | tail -n 1)
    [ -n "$bin" ] || bin=$(command -v postgres) || die "the PostgreSQL server's programs are not here"
    bin=${bin%/postgres}
    folder=$(database_folder)
    [ "$folder" = "$work/postgres" ] || elsewhere=$folder

    password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    install -m 600 ${database_user:+-o "$database_user"} /dev/null "$folder/password"
    printf '%s\n' "$password" >"$folder/password"
    cd "$folder" # for both of these programs look at the folder they are called in
    # Nothing has to survive a power failure here, so nothing waits for the disk.
    logged initdb "${as_database_user[@]}" "$bin/initdb" --pgdata="$folder/data" --username=postgres --no-sync \
        --auth=scram-sha-256 --pwfile="$folder/password" --encoding=UTF8 --locale=C --no-instructions
    rm "$folder/password"

    database_port=$(free_port)
    # setsid: Ctrl-C is for this script, which stops the servers when those who use them have ended. pdeathsig: should
    # this script be killed, the kernel tells the server to stop. (9 is the lock.)
    (
        exec setsid "${as_database_user[@]}" setpriv --pdeathsig INT "$bin/postgres" -D "$folder/data" -p "$database_port" \
            -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c logging_collector=off
    ) >"$logs/postgres.log" 2>&1 </dev/null 9>&- &
    postgres_pid=$!
    cd "$top"

    export DATABASE_URL="postgresql://postgres:$password@127.0.0.1:$database_port/postgres"
    wait_for "$postgres_pid" "$logs/postgres.log" sql -c 'SELECT 1'
}

sql() { psql --no-psqlrc --no-password --quiet -P pager=off -d "$DATABASE_URL" "$@"; }

# Each queue server runs in build/quickstart/queue, which is also its home, so that nothing is left in the user's.
start_queue_server() { # start_queue_server PORT HEALTH COMMAND…
    local port=$1 health=$2
    shift 2
    (
        cd "$work/queue"
        export HOME=$work/queue TMPDIR=$work/queue
        exec setsid setpriv --pdeathsig TERM "$@"
    ) >"$logs/$server.log" 2>&1 </dev/null 9>&- &
    queue_pid=$!
    export AWS_ENDPOINT_URL=http://127.0.0.1:$port
    wait_for "$queue_pid" "$logs/$server.log" answers "$AWS_ENDPOINT_URL$health"
}

start_ministack() {
    local port
    port=$(free_port)
    start_queue_server "$port" /_ministack/health env BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" SERVICES=sqs \
        LOG_LEVEL=WARNING "$top/build/tools/ministack/bin/ministack"
}

start_elasticmq() {
    local port
    port=$(free_port)
    cat >"$work/queue/elasticmq.conf" <<END
include classpath("application.conf")
node-address { protocol = http, host = "127.0.0.1", port = $port, context-path = "" }
rest-sqs { enabled = true, bind-hostname = "127.0.0.1", bind-port = $port, sqs-limits = strict }
rest-stats { enabled = false }
generate-node-address = false
aws { region = us-east-1, accountId = 000000000000 }
queues { }
END
    start_queue_server "$port" /health java -Xmx256m -XX:+UseSerialGC -XX:-UsePerfData -Djava.io.tmpdir="$work/queue" \
        -Dconfig.file="$work/queue/elasticmq.conf" -cp "$top/build/tools/elasticmq/lib/*" org.elasticmq.server.Main
}

# ---------------------------------------------------------------------------------------------------------------------
# The way

stay=no
server=ministack
while [ $# -gt 0 ]; do
    case "$1" in
        --stay) stay=yes ;;
        --server=*) server=${1#*=} ;;
        --server)
            [ $# -gt 1 ] || die "--server needs a name: ministack or elasticmq"
            server=$2
            shift
            ;;
        --help) sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//; p}' "$top/quickstart.sh"; exit 0 ;;
        *) die "usage: ./quickstart.sh [--stay] [--server ministack | elasticmq]" ;;
    esac
    shift
done
# What must be installed for it, what it is called, and how long that takes the first time.
case "$server" in
    ministack) level=quickstart title=MiniStack first="a minute or two" ;;
    elasticmq) level=elasticmq title=ElasticMQ first="some minutes, for Java and Maven come with it" ;;
    *) die "--server $server is not known: there are ministack and elasticmq" ;;
esac

if ! mkdir -p "$work" || [ -n "$(find build -type d ! -writable -print -quit)" ]; then
    die "there are folders in $top/build that this user may not write to, perhaps from a run as root: remove build/"
fi
exec 9>"$work/.lock"
flock -n 9 || die "another quickstart is running in this checkout"
trap stop_all EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
rm -rf "$logs" "$work/postgres" "$work/queue"
mkdir -p "$logs" "$work/queue"

# Settings that happen to be in this environment would lead the program to other queues and databases, and a proxy has
# no business with 127.0.0.1.
for name in $(compgen -e | grep -E '^(LOGINETL_|AWS_|PG|DATABASE_URL)' || true); do
    unset "$name"
done
export no_proxy=127.0.0.1 NO_PROXY=127.0.0.1
export AWS_ACCESS_KEY_ID=quickstart AWS_SECRET_ACCESS_KEY=quickstart AWS_REGION=us-east-1

step "1. What is needed (the first time it takes $first)"
deps/install.sh "$level"
tests/integration/servers/install.sh "$server"

step "2. Building loginetl"
# A checkout that was moved or copied: cmake refuses the folder of a build that was made elsewhere.
grep -qsxF "CMAKE_CACHEFILE_DIR:INTERNAL=$top/build/release" build/release/CMakeCache.txt || rm -rf build/release
logged configure cmake --preset release
logged build cmake --build build/release --target loginetl
say "$loginetl is $("$loginetl" --version)"

step "3. Two servers of our own"
start_postgres
say "PostgreSQL on 127.0.0.1:$database_port (process $postgres_pid)"
"start_$server"
say "$title, for SQS, on ${AWS_ENDPOINT_URL#http://} (process $queue_pid)"
queue_url=$(python3 deploy/queue.py "$AWS_ENDPOINT_URL" create "$queue")
say "queues $queue and $queue-dlq: $queue_url"

step "4. Logins into the queue: loginetl send $sample"
"$loginetl" send "$sample"

step "5. Is everything in place? loginetl check"
"$loginetl" check

step "6. From the queue into the table: loginetl --drain"
status=0
"$loginetl" --drain || status=$?
case $status in
    0) ;;
    3) say "(exit status 3: drained, and some messages were rejected, as they should be)" ;;
    *) die "draining failed with exit status $status" ;;
esac

step "7. The table: SELECT … FROM user_logins"
sql -c "SELECT left(user_id, 8) || '…' AS user_id, device_type, left(masked_ip, 16) || '…' AS masked_ip,
    left(masked_device_id, 16) || '…' AS masked_device_id, locale, app_version, create_date
    FROM user_logins ORDER BY user_id LIMIT 10"
rows=$(sql -At -c 'SELECT count(*) FROM user_logins')
sent=$(wc -l <"$sample")
say "$rows rows in all, of $sent logins sent (the masks are longer than shown: 64 hexadecimal digits)"

step "8. The dead-letter queue: each rejected message, with its reason"
rejected=$(python3 deploy/queue.py "$AWS_ENDPOINT_URL" dead-letters "$queue")
say "$rejected"
rejects=$(grep -c '^    ' <<<"$rejected" || true)
[ $((rows + rejects)) = "$sent" ] || die "$rows rows and $rejects rejects do not make $sent logins: please report this"

if [ "$stay" = yes ]; then
    step "The servers stay until Ctrl-C. In another terminal, in this folder:"
    say "export AWS_ENDPOINT_URL=$AWS_ENDPOINT_URL AWS_REGION=us-east-1 \\
    AWS_ACCESS_KEY_ID=quickstart AWS_SECRET_ACCESS_KEY=quickstart \\
    DATABASE_URL=$DATABASE_URL
$loginetl                            # the service: runs until Ctrl-C there
$loginetl send $sample
psql \"\$DATABASE_URL\" -c 'SELECT * FROM user_logins'

What is sent within 20 seconds after the service was stopped may be hidden for a minute: this queue server hands it to
the service's last long poll, not knowing that it was closed."
    while kill -0 "$postgres_pid" 2>/dev/null && kill -0 "$queue_pid" 2>/dev/null; do
        sleep 1
    done
    die "a server ended by itself (logs: $logs)"
fi

step "That is all; both servers are being stopped. What to try next"
printf '%-36s %s\n' \
    "./quickstart.sh --stay" "keeps the servers, to play with them from another terminal" \
    "./quickstart.sh --server elasticmq" "the same with another queue server" \
    "$loginetl --help" "every command and option" \
    "$loginetl check" "with --queue, AWS_* and DATABASE_URL of your own: is all ready?" \
    "$loginetl --drain" "then empties it into your table" \
    "docker compose up" "the same on the usual ports, 4566 and 5432" \
    "tests/run.sh" "all the tests"
