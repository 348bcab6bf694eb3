#!/bin/sh
# Breaks the machine in many ways and demands that the simulation notices; see mutants.py.
exec python3 "$(dirname "$0")/mutants.py" "$@"
