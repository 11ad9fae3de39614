#!/bin/sh
# install.sh FOLDER: builds Bento there, which takes minutes, and prints its size. 1.26.5 is what Bento asks for.
exec "$(dirname "$0")/../golang/install.sh" bento 1.26.5 bento "$1"
