#!/bin/sh
# install.sh FOLDER: the same for both Python peers.
exec "$(dirname "$0")/../python/install.sh" "$1"
