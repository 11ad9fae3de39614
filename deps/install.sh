#!/usr/bin/env bash
# Installs, from Debian's own packages, what loginetl needs.
#
#   deps/install.sh build        to compile it
#   deps/install.sh quickstart   build, and what quickstart.sh starts
#   deps/install.sh elasticmq    quickstart, and what its other queue server takes
#   deps/install.sh bench        quickstart, and what tests/bench/run.sh uses
#   deps/install.sh [all]        quickstart, and what tests/run.sh uses
#
# Works as root or as a user who may use sudo without a password, asks nothing, and does nothing when everything is
# there. What tests take from elsewhere than Debian is the business of tests/integration/servers/install.sh.
set -euo pipefail

say() { printf 'deps: %s\n' "$*"; }
die() { printf 'deps: %s\n' "$*" >&2; exit 1; }

# Debian names clang's runtime after its release.
clang_release() {
    # shellcheck source=/dev/null
    case "$(. /etc/os-release && printf '%s' "${ID:-}${VERSION_ID:-}")" in
        debian13*) echo 19 ;;
        ubuntu24*) echo 18 ;;
        *) echo 14 ;;
    esac
}

packages_for_build="ca-certificates gcc libc6-dev cmake ninja-build pkg-config libuv1-dev libcurl4-openssl-dev
    libpq-dev libssl-dev libmbedtls-dev libjsmn-dev libinih-dev libexpat1-dev"
# The PostgreSQL server and pgbouncer are in none of these lists because installing them takes a precaution, see
# install_postgresql and install_pgbouncer.
packages_for_quickstart="python3 python3-venv postgresql-client"
packages_for_elasticmq="maven default-jre-headless"
packages_for_bench="binutils gnuplot-nox openssl valgrind libcmocka-dev libmicrohttpd-dev"
packages_for_all="clang libclang-rt-$(clang_release)-dev llvm lld clang-format shellcheck valgrind openssl
    libcmocka-dev libmicrohttpd-dev libjson-c-dev libfaketime patch $packages_for_elasticmq"

present() { # present PACKAGE: is it installed?
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]
}

missing_of() { # missing_of PACKAGE…: those that are not installed, from a single question to dpkg
    local have
    have=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' "$@" 2>/dev/null || true)"
    local package
    for package in "$@"; do
        case "$have" in
            *" installed:$package "*) ;;
            *) printf '%s ' "$package" ;;
        esac
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

may_be_root() {
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }
}

apt_get() { # another apt or dpkg at work is waited for, and nobody is there to answer a question
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" \
        </dev/null
}

logged() { # logged COMMAND…: quiet when it works, everything it said when it does not
    local log
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then
        rm -f "$log"
    else
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
}

install_packages() {
    logged apt_get install --no-install-recommends "$@" || die "apt-get could not install: $*"
}

# Debian's server package makes a cluster on port 5432 and starts it, which a program that only borrows the server's
# binaries has no right to. The switch for that is a line in a file of postgresql-common, so that package comes first;
# the file is put back as it was, whatever happens.
switch=/etc/postgresql-common/createcluster.conf
switch_saved=

restore_switch() {
    if [ -n "$switch_saved" ]; then
        as_root cp -p "$switch_saved" "$switch"
        as_root rm -f "$switch_saved"
        switch_saved=
    fi
}

install_postgresql() {
    install_packages postgresql-common
    switch_saved=$(mktemp)
    trap restore_switch EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    as_root cp -p "$switch" "$switch_saved"
    printf 'create_main_cluster = false\n' | as_root tee "$switch" >/dev/null
    install_packages postgresql
    restore_switch
}

# Debian's package makes a service of it and starts that, unless policy-rc.d says that services are not to be started;
# nor is it wanted after the next boot. Tests start their own.
policy=/usr/sbin/policy-rc.d
policy_made=

remove_policy() {
    if [ -n "$policy_made" ]; then
        as_root rm -f "$policy"
        policy_made=
    fi
}

install_pgbouncer() {
    trap remove_policy EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if [ ! -e "$policy" ]; then
        policy_made=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    install_packages pgbouncer
    remove_policy
    logged as_root update-rc.d pgbouncer disable || say "pgbouncer is installed, but would start with the machine"
}

main() {
    local level=${1:-all} wanted pgbouncer=no
    case "$level" in
        build) wanted=$packages_for_build ;;
        quickstart) wanted="$packages_for_build $packages_for_quickstart" ;;
        elasticmq) wanted="$packages_for_build $packages_for_quickstart $packages_for_elasticmq" ;;
        bench) wanted="$packages_for_build $packages_for_quickstart $packages_for_bench" ;;
        all) wanted="$packages_for_build $packages_for_quickstart $packages_for_all" ;;
        *) die "usage: deps/install.sh [build | quickstart | elasticmq | bench | all]" ;;
    esac
    command -v apt-get >/dev/null || die "this script knows Debian's packages only; needed here: $wanted"

    local missing postgresql=no
    # shellcheck disable=SC2086  # the lists are words
    missing=$(missing_of $wanted)
    if [ "$level" != build ] && ! present postgresql; then
        postgresql=yes
    fi
    if [ "$level" = all ] && ! present pgbouncer; then
        pgbouncer=yes
    fi
    if [ -z "$missing" ] && [ "$postgresql" = no ] && [ "$pgbouncer" = no ]; then
        say "everything for '$level' is installed"
        return
    fi

    local names=$missing
    [ "$postgresql" = no ] || names="${names}postgresql "
    [ "$pgbouncer" = no ] || names="${names}pgbouncer "
    names=${names% }
    may_be_root || die "missing: $names
deps: installing them takes root, or sudo that asks for no password. Run this once by hand: sudo deps/install.sh $level"
    say "installing: $names"
    logged apt_get update || say "apt-get update failed; trying with the package lists that are here"
    # shellcheck disable=SC2086
    [ -z "$missing" ] || install_packages $missing
    [ "$postgresql" = no ] || install_postgresql
    [ "$pgbouncer" = no ] || install_pgbouncer
    say "done"
}

main "$@"
