#!/bin/sh
# install.sh FOLDER: the worker and its packages, and their size. Exit status 3: Node or npm is missing or too old.
set -eu
folder=$1
here=$(cd "$(dirname "$0")" && pwd)

for command in node npm; do
    command -v "$command" >/dev/null || { echo "node: $command is missing" >&2; exit 3; }
done
node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 18 ? 1 : 0)' ||
    { echo "node: $(node --version) is older than 18" >&2; exit 3; }

mkdir -p "$folder"
cp "$here"/package*.json "$here"/*.js "$folder"
(cd "$folder" && npm ci --silent --no-audit --no-fund --omit=dev >&2)
echo "$(du -sm "$folder" | cut -f 1) MB"
