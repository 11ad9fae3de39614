#!/bin/sh
# install.sh PEER NEEDS PROGRAM FOLDER: builds a peer that is written in Go there, as PROGRAM, and prints its size. NEEDS is
# the least Go that its modules ask for; the toolchain that is there is used, none is fetched.
# Exit status 3: Go is missing or too old.
set -eu
peer=$1 needs=$2 program=$3 folder=$4

command -v go >/dev/null || { echo "$peer: go is missing" >&2; exit 3; }
has=$(GOTOOLCHAIN=local go env GOVERSION)
[ "$(printf '%s\n' "$needs" "${has#go}" | sort -V | head -n 1)" = "$needs" ] ||
    { echo "$peer: $has is older than $needs (Debian 12 has 1.19)" >&2; exit 3; }

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$(dirname "$0")/../$peer"
GOTOOLCHAIN=local CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$folder/$program" .
echo "$(du -sm "$folder" | cut -f 1) MB"
