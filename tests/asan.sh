#!/bin/sh
# All tests that run our own code beside the kernel, with every access to memory checked (AddressSanitizer).
# Words select tests of the programs, as with cargo test.
set -eu
cd "$(dirname "$0")/.."

HOST=$(rustc -vV | sed -n 's/^host: //p')
case $HOST in
x86_64-unknown-linux-gnu | aarch64-unknown-linux-gnu) ;;
*) echo "make asan: there is no AddressSanitizer for $HOST" >&2; exit 1 ;;
esac

# The instrument is in the stable compiler, but not without this word.
export RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Z sanitizer=address" CARGO_PROFILE_TEST_DEBUG=1
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/asan"
# Leaks are looked for by a thread that traces us, which a test under strace has no room for. The limit of core dumps is
# left to the tests, which look at it. An allocator that ends the program when too much is asked for would not be that
# of the C library.
OPTIONS=detect_stack_use_after_return=0:detect_leaks=0:disable_coredump=0:allocator_may_return_null=1
# A child on a stack of its own, which ends by exec or exit, is what the runtime takes for a broken stack: it says so
# once in each process and goes on. It is to say it elsewhere than among our own lines. Other users write there too.
words=$(mktemp -d)
trap 'rm -rf "$words"' EXIT
chmod 1777 "$words"
export ASAN_OPTIONS="$OPTIONS:log_path=$words/words${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
cargo test --locked --target "$HOST" --lib -- "$@"
# The helper of the tests is an example, and only built by itself where one suite is named.
cargo build --locked --target "$HOST" --example probe
# The first two take away what the runtime needs itself, /proc and the libraries of the system; the third looks at
# descriptors, of which the runtime has one of its own; the others measure memory, of which it keeps what was freed.
cargo test --locked --target "$HOST" --test it -- "$@" \
  --skip as_process_one_it_reaps_orphans_and_ends_cleanly_without_proc_or_a_writable_root \
  --skip in_a_root_with_nothing_in_it_a_job_with_files_of_its_own_runs_and_the_others_say_what_they_lack \
  --skip a_kernel_without_newer_calls_starts_jobs_just_as_clean \
  --skip a_flood_of_what_is_no_command_changes_nothing_and_holds_up_no_restart \
  --skip restarts_and_reloads_leave_neither_memory_nor_descriptors_behind
# Whatever the tests made of it, an error is an error.
if grep -h -A20 -e 'ERROR: AddressSanitizer' -r "$words"; then
  echo "make asan: the runtime has found an error, see above" >&2
  exit 1
fi
