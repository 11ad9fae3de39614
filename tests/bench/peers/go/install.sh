#!/bin/sh
# install.sh FOLDER: builds the worker there, and prints its size. 1.25 is what pgx asks for.
exec "$(dirname "$0")/../golang/install.sh" go 1.25 worker "$1"
