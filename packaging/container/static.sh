#!/bin/sh
# Builds the three programs without a need for anything else in the root: with musl where rustc has that target, else
# with glibc. They are put into DIR.
#
#     static.sh DIR
#
# STATIC_TARGET chooses the target, CARGO and RUSTC the tools.
set -eu

fail() {
  echo "static.sh: $*" >&2
  exit 1
}

[ $# -eq 1 ] || fail "usage: static.sh DIR"
mkdir -p "$1"
dir=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
cargo=${CARGO:-cargo} rustc=${RUSTC:-rustc}

# What a target needs is in its folder when it is installed, by rustup or by a package.
installed() {
  libs=$("$rustc" --print target-libdir --target "$1" 2>/dev/null) && ls "$libs"/libstd-*.rlib >/dev/null 2>&1
}

host=$("$rustc" -vV | sed -n 's/^host: //p')
target=${STATIC_TARGET:-}
if [ -z "$target" ]; then
  musl=$(echo "$host" | sed 's/-gnu/-musl/')
  if installed "$musl"; then
    target=$musl
  else
    target=$host
    echo "static.sh: $musl is not installed, building for glibc instead; try: rustup target add $musl"
  fi
fi
command -v readelf >/dev/null || fail "readelf is missing: install binutils"

# With --target the flags are not for what runs while building.
RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static" \
  "$cargo" build --release --locked --bins --target "$target" || fail "could not build for $target"
for program in pmtr pmtr-ctl pmtr-rptserver; do
  built=${CARGO_TARGET_DIR:-target}/$target/release/$program
  headers=$(LC_ALL=C readelf -ldW "$built") || fail "cannot read $built"
  case $headers in
    *INTERP* | *NEEDED*) fail "$built is not static: it needs a loader or a library" ;;
  esac
  # By rename, so that one that runs is not written into.
  cp "$built" "$dir/$program.new"
  mv -f "$dir/$program.new" "$dir/$program"
done
echo "static.sh: $dir has pmtr, pmtr-ctl and pmtr-rptserver for $target"
