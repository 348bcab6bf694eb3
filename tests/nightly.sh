#!/bin/sh
# The checks for which a change does not wait, one after the other, each to its end even if one fails; then a table of
# what passed and how long it took. With words only those: boxes, mutants and so on.
# The output of each is in target/nightly. All of them take about an hour on two processors.
set -u
cd "$(dirname "$0")/.." || exit 1
: "${MAKE:=make}" "${CARGO:=cargo}"
notes=${CARGO_TARGET_DIR:-target}/nightly
mkdir -p "$notes" || exit 1
all='rounds boxes mutants coverage worlds fuzz soak faults flood prometheus programs bench'
# shellcheck disable=SC2086 # Words.
[ $# -gt 0 ] || set -- $all
trap 'exit 130' INT TERM HUP

# The time limits are far more than each takes: a run that hangs ends as a failure.
run() {
  case $1 in
    # Ten times as many rounds of all random tests as in `make check`, which makes the fewest that show something.
    rounds) PMTR_ROUNDS=1000 timeout 3600 "$CARGO" test --locked --lib --test config ;;
    boxes) timeout 3600 "$MAKE" check-boxes ;;
    mutants) timeout 5400 "$MAKE" mutants MUTANTS="--jobs $(nproc)" ;;
    coverage) timeout 1800 "$MAKE" coverage ;;
    worlds) timeout 3600 "$MAKE" worlds SEEDS=600000 ;;
    fuzz) timeout 3600 "$MAKE" fuzz TIME=600 ;;
    soak) timeout 3600 "$MAKE" soak TIME=60 ;;
    faults) timeout 1800 "$MAKE" faults ;;
    flood) timeout 1200 "$MAKE" flood ;;
    prometheus) timeout 600 "$MAKE" prometheus ;;
    programs) timeout 600 "$MAKE" programs ;;
    bench) timeout 5400 "$MAKE" bench ;;
    *) echo "make nightly: $1 is none of: $all" >&2; return 2 ;;
  esac
}

# A line of the table: the name, the result, and how long it took in seconds.
line() { printf '%-12s %-8s %3d min %2d s' "$1" "$2" $(($3 / 60)) $(($3 % 60)); }

failed=0 table='' start=$(date +%s)
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
  table="$table$(line "$name" "$result" "$took")
"
done
printf '\n%s%s\n' "$table" "$(line "all of it" '' $(($(date +%s) - start)))"
[ "$failed" -eq 0 ] || { echo "make nightly: something failed, see above" >&2; exit 1; }
echo "make nightly: all is well"
