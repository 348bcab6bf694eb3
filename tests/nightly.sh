#!/bin/sh
# The checks that take longer than a change may wait for, one after the other, each to its end even when one has
# failed; then a table of what passed and how long it took. With words only those: boxes, mutants and so on.
# What each of them said is in target/nightly.
set -u
cd "$(dirname "$0")/.." || exit 1
: "${MAKE:=make}" "${CARGO:=cargo}"
notes=${CARGO_TARGET_DIR:-target}/nightly
mkdir -p "$notes" || exit 1
all='boxes mutants coverage worlds fuzz soak faults flood prometheus bench'
# shellcheck disable=SC2086 # Words.
[ $# -gt 0 ] || set -- $all
trap 'exit 130' INT TERM HUP

# The time limits are far more than each takes: a run that hangs ends as a failure.
run() {
  case $1 in
    boxes) timeout 3600 "$MAKE" check-boxes ;;
    mutants) timeout 10800 "$MAKE" mutants MUTANTS="--jobs $(nproc)" ;;
    coverage) timeout 1800 "$MAKE" coverage ;;
    worlds) timeout 3600 "$MAKE" worlds SEEDS=600000 ;;
    fuzz) "$CARGO" fmt --manifest-path fuzz/Cargo.toml --check && timeout 3600 "$MAKE" fuzz TIME=600 ;;
    soak) timeout 3600 "$MAKE" soak TIME=60 ;;
    faults) timeout 1800 "$MAKE" faults ;;
    flood) timeout 1200 "$MAKE" flood ;;
    prometheus) timeout 600 "$MAKE" prometheus ;;
    bench) timeout 5400 "$MAKE" bench ;;
    *) echo "make nightly: $1 is none of: $all" >&2; return 2 ;;
  esac
}

failed=0 table=''
for name; do
  echo "== $name: $notes/$name.log"
  began=$(date +%s)
  if run "$name" >"$notes/$name.log" 2>&1 </dev/null; then
    result='well'
  else
    result='FAILED' failed=1
    tail -n 40 "$notes/$name.log"
  fi
  took=$(($(date +%s) - began))
  table="$table$(printf '%-12s %-8s %3d min %2d s' "$name" "$result" $((took / 60)) $((took % 60)))
"
done
printf '\n%s' "$table"
[ "$failed" -eq 0 ] || { echo "make nightly: something failed, see above" >&2; exit 1; }
echo "make nightly: all is well"
