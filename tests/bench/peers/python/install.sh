#!/bin/sh
# install.sh FOLDER: a virtual environment there with what the Python peers import, and its size.
# Exit status 3: Python is missing or has no venv.
set -eu
folder=$1
here=$(cd "$(dirname "$0")" && pwd)

# The distribution's python first: another one that comes first in PATH may lack venv.
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3) || { echo "python: python3 is missing" >&2; exit 3; }
"$python" -c 'import ensurepip, venv, sys; assert sys.version_info >= (3, 11)' 2>/dev/null ||
    { echo "python: $python is older than 3.11 or has no venv (Debian: python3-venv)" >&2; exit 3; }

"$python" -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check --no-input -r "$here/requirements.txt"
echo "$(du -sm "$folder" | cut -f 1) MB"
