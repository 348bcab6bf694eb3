#!/bin/sh
# Breaks the machine in many ways and demands that the tests notice; see mutants.py.
exec python3 "$(dirname "$0")/mutants.py" "$@"
