#!/bin/sh
# The RPM of what is committed; `make rpm` calls this. Needs rpmbuild and git, and no root.
#
#   packaging/rpm/build.sh [OPTION-OF-RPMBUILD...]
#
# The results are in RPM_DIR, by default target/rpm, and the paths of the packages are printed last.
set -eu
umask 022

cd "$(dirname "$0")/../.."
result=${RPM_DIR:-target/rpm}

fail() { echo "make rpm: $*" >&2; exit 1; }

command -v rpmbuild >/dev/null || fail "rpmbuild is missing (package rpm-build; on Debian: rpm)"
git rev-parse --verify -q HEAD >/dev/null || fail "this is not a git checkout, which the source archive is made from"
git diff --quiet HEAD || echo "make rpm: uncommitted changes are not included" >&2

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
mkdir -p "$result/SOURCES" "$result/RPMS"
result=$(realpath "$result")
git archive --prefix="pmtr-$version/" HEAD | gzip -9n >"$result/SOURCES/pmtr-$version.tar.gz"
# The programs are to be where make install looks for them, and make's own variables are for this make only.
unset CARGO_TARGET_DIR MAKEFLAGS
rpmbuild -bb --define "_topdir $result" "$@" packaging/rpm/pmtr.spec >"$result/build.log" 2>&1 || {
  tail -n 30 "$result/build.log" >&2
  fail "rpmbuild failed; its output is in $result/build.log"
}
sed -n 's/^Wrote: //p' "$result/build.log"
