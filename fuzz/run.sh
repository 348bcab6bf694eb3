#!/bin/sh
# make fuzz: runs every target for its share of TIME seconds, beginning with the inputs that are in the tree.
#
#   TIME=60 TARGETS="config machine" sh fuzz/run.sh
#
# Needs g++ for the fuzzer and nothing beyond what builds pmtr: the flags are those of `cargo fuzz`, without the
# comparisons it traces, which take most of the time; dictionaries are here for that.
set -eu
cd "$(dirname "$0")/.."

TIME=${TIME:-60}
CARGO=${CARGO:-cargo}
built=${CARGO_TARGET_DIR:-target}/fuzz

fail() { echo "make fuzz: $*" >&2; exit 1; }

case $TIME in '' | *[!0-9]*) fail "TIME=$TIME is no number of seconds" ;; esac
command -v "${CXX:-c++}" >/dev/null || fail "${CXX:-c++} is missing. Install a C++ compiler, such as the package g++"
host=$(rustc -vV | sed -n 's/^host: //p')

flags="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Ccodegen-units=1
--cfg fuzzing"
# A target by its name, so that nothing that runs while the build does is instrumented.
RUSTFLAGS=$(echo "$flags" | tr '\n' ' ') "$CARGO" build --locked --quiet --release \
  --manifest-path fuzz/Cargo.toml --target "$host" --target-dir "$built" ||
  fail "the targets could not be built"

targets=${TARGETS:-$(sed -n '/^\[\[bin\]\]/,$s/^name = "\(.*\)"/\1/p' fuzz/Cargo.toml)}
count=$(echo "$targets" | wc -w)
each=$((TIME / count))
[ "$each" -gt 0 ] || each=1
mkdir -p "$built/found"

# Runs $target for $1 seconds with inputs of up to $2 bytes.
run() {
  # What is new goes beside what was built; `cargo fuzz cmin` brings it into the tree.
  new=$built/corpus/$target
  mkdir -p "$new"
  log=$built/$target.log
  set -- -max_total_time="$1" -max_len="$2" -timeout=60 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="$built/found/$target-"
  [ ! -f "fuzz/dictionaries/$target.dict" ] || set -- "$@" -dict="fuzz/dictionaries/$target.dict"
  "$built/$host/release/$target" "$@" "$new" "fuzz/corpus/$target" >"$log" 2>&1 || {
    tail -n 60 "$log" >&2
    fail "$target has found something: $(sed -n 's/.*Test unit written to //p' "$log"); all it said is in $log"
  }
  runs=$((runs + $(sed -n 's/^stat::number_of_executed_units: *//p' "$log")))
  covered=$(sed -n 's/.*DONE *cov: \([0-9]*\).*/\1/p' "$log")
}

for target in $targets; do
  runs=0 covered=0
  case $target in
  # Long texts take their time, so that short ones have one of their own.
  config)
    run $(((each + 1) / 2)) 1000
    run $(((each + 1) / 2)) 65536
    ;;
  control | report | state) run "$each" 9000 ;;
  machine) run "$each" 800 ;;
  *) run "$each" 4096 ;;
  esac
  printf '%-10s %10d runs in %d s, %d places in the code, nothing found\n' "$target" "$runs" "$each" "$covered"
done
