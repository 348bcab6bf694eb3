#!/bin/sh
# The unit tests of the pure modules under miri, which knows what the language leaves undefined.
# Words select tests, as with cargo test; without any, all modules that need no kernel are run.
set -eu
cd "$(dirname "$0")/.."

TOOLCHAIN=${TOOLCHAIN:-nightly}
if ! cargo "+$TOOLCHAIN" miri --version >/dev/null 2>&1; then
  echo "make miri: miri is missing. Try: rustup toolchain install $TOOLCHAIN --component miri,rust-src" >&2
  exit 1
fi
[ $# -gt 0 ] || set -- diff:: job:: model:: wire:: cli:: supervisor:: config:: fleet::

# The shell has tests of the same names, and a kernel is not to be had here. The others put thousands of hosts into a
# table, or the largest page together, and go round for hours.
CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/miri" exec cargo "+$TOOLCHAIN" miri test --locked --lib -- "$@" \
  --skip daemon:: --skip client:: --skip sys:: \
  --skip an_address_has_sixteen_names_and_silent_ones_make_room \
  --skip no_sender_exceeds_the_limits_or_changes_what_is_shown_of_others \
  --skip no_names_make_the_pages_exceed_the_limit_of_the_reports
