#!/bin/sh
# The Debian package: made twice, looked at by lintian, and put in, changed and taken away again by dpkg under a real
# systemd and a real sysvinit (deb-in-box.sh).
set -eu
here=$(realpath "$(dirname "$0")")
tree=${TREE:-$(dirname "$(dirname "$here")")}
work=$(mktemp -d "${TMPDIR:-/tmp}/pmtr-deb-check.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

step() { printf '       %s\n' "$1"; }
failed() { echo "FAILED: $*" >&2; exit 1; }
skip() { echo "skipped: $*" >&2; exit 77; }

for tool in dpkg-deb:dpkg dpkg-shlibdeps:dpkg-dev lintian:lintian cargo:cargo; do
  command -v "${tool%%:*}" >/dev/null || skip "${tool%%:*} is not installed (package ${tool##*:})"
done
built=${CARGO_TARGET_DIR:-$tree/target}/release
[ -x "$built/pmtr" ] || failed "$built/pmtr is missing: make build"

# A copy of all that is needed, in the directory $1, whose files have the time $2.
copy_tree() {
  mkdir -p "$1"
  for part in Makefile Cargo.toml Cargo.lock CHANGELOG.md LICENSE README.md pmtr.conf.example src benches tests \
    initscripts man completions vim examples packaging; do
    cp -r "$tree/$part" "$1"
  done
  find "$1" -exec touch -d "$2" {} +
}

package() { (cd "$1" && shift && BUILT=$built DEB_DIR=$work/packages sh packaging/deb/build.sh "$@"); }

step "made at two places, two times, by two people, from programs that were built twice"
copy_tree "$work/one" '2020-01-01 12:00'
copy_tree "$work/a longer name/two" '2024-02-29 23:59'
export SOURCE_DATE_EPOCH=1700000000
first=$(umask 022 && TZ=UTC package "$work/one") || failed "no package"
mv "$first" "$work/first.deb"
second=$(umask 077 && export TZ=Asia/Tokyo LANG=de_DE.UTF-8 && unset CARGO_TARGET_DIR && cd "$work/a longer name/two" &&
  env -u MAKEFLAGS make --no-print-directory deb 2>"$work/build.log" | tail -n 1) ||
  { cat "$work/build.log" >&2; failed "make deb"; }
[ -n "$second" ] || { cat "$work/build.log" >&2; failed "make deb does not tell what it made"; }
cmp "$work/first.deb" "$work/a longer name/two/$second" || failed "the packages differ"
mv "$work/first.deb" "$first"

step "its dependencies are the same without dpkg-shlibdeps"
mkdir "$work/bin"
for tool in sh make dpkg dpkg-deb objdump sed awk sort tail head grep find xargs md5sum gzip tar xz install mkdir \
  mktemp dirname basename cp mv rm ln cat chmod touch date env ls id rmdir tr; do
  ln -s "$(command -v "$tool")" "$work/bin/$tool"
done
by_objdump=$(PATH=$work/bin package "$work/one" 0.0.1-1)
depends() { dpkg-deb -f "$1" Depends; }
# The versions may differ: a package can be older or newer than the oldest symbol that is called.
[ "$(depends "$by_objdump" | sed 's/ ([^)]*)//g')" = "$(depends "$first" | sed 's/ ([^)]*)//g')" ] ||
  failed "they are $(depends "$by_objdump") and $(depends "$first")"
rm "$by_objdump"
mv "$work/bin/dpkg-deb" "$work/bin/no"
if PATH=$work/bin package "$work/one" >"$work/said" 2>&1; then failed "made without dpkg-deb"; fi
grep -q 'dpkg-deb is missing' "$work/said" || failed "nothing said of a missing dpkg-deb"

step "the license of every package that is linked in is told"
cargo tree --manifest-path "$tree/Cargo.toml" --locked --offline -e normal --prefix none --format '{p}' |
  cut -d' ' -f1 | sort -u | grep -v '^pmtr$' | while read -r name; do
  grep -q "vendor/$name/" "$tree/packaging/deb/copyright" || failed "packaging/deb/copyright lacks $name"
done

step "lintian"
lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$first" || failed "lintian"

step "a version that follows, and one that can't be unpacked"
version=$(dpkg-deb -f "$first" Version)
package "$work/one" "$version+next" >/dev/null
dpkg-deb -R "$first" "$work/broken"
sed -i 's/^Version: .*/&+broken/' "$work/broken/DEBIAN/control"
printf '#!/bin/sh\necho "this one refuses"\nexit 1\n' >"$work/broken/DEBIAN/preinst"
dpkg-deb --root-owner-group -b "$work/broken" "$work/packages" >/dev/null
(cd "$work/packages" && mv "pmtr_${version}_"*.deb first.deb && mv "pmtr_$version+next_"*.deb next.deb &&
  mv "pmtr_$version+broken_"*.deb broken.deb)

skipped=
for kind in systemd sysvinit; do
  step "dpkg under $kind"
  status=0
  TREE=$tree sh "$here/deb-in-box.sh" "$kind" "$work/packages" || status=$?
  case $status in
    0) ;;
    77) skipped="$skipped $kind" ;;
    *) exit 1 ;;
  esac
done
[ -z "$skipped" ] || skip "the package under$skipped, for the reason above"
