#!/bin/sh
# install.sh FOLDER: builds the worker there, and prints its size. Exit status 3: Go is missing or too old.
set -eu
folder=$1
needs=1.25 # what pgx asks for; the toolchain that is there is used, none is fetched

command -v go >/dev/null || { echo "go: go is missing" >&2; exit 3; }
has=$(GOTOOLCHAIN=local go env GOVERSION)
[ "$(printf '%s\n' "$needs" "${has#go}" | sort -V | head -n 1)" = "$needs" ] ||
    { echo "go: $has is older than $needs (Debian 12 has 1.19)" >&2; exit 3; }

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$(dirname "$0")"
GOTOOLCHAIN=local CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$folder/worker" .
echo "$(du -sm "$folder" | cut -f 1) MB"
