#!/bin/sh
# The Debian package of what is built; `make deb` calls this. Needs dpkg-deb, and neither root nor a network.
#
#   packaging/deb/build.sh [VERSION]
#
# VERSION, by default that of Cargo.toml and -1, is for packages of one's own. The result is in DEB_DIR, by default
# target/debian, and its path is printed last. BUILT is where the programs are, by default target/release.
# The same programs make the same package, byte for byte, whenever, wherever and by whomever it is made: its only
# time is SOURCE_DATE_EPOCH, or else that of the last commit, or else that of CHANGELOG.md.
set -eu
umask 022
export LC_ALL=C TZ=UTC

cd "$(dirname "$0")/../.."
here=packaging/deb
result=${DEB_DIR:-target/debian}

fail() { echo "make deb: $*" >&2; exit 1; }

main() {
  command -v dpkg-deb >/dev/null || fail "dpkg-deb is missing: build the package on Debian or a derivative"
  upstream=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
  version=${1:-$upstream-1}
  architecture=$(dpkg --print-architecture)
  SOURCE_DATE_EPOCH=$(epoch)
  export SOURCE_DATE_EPOCH

  work=$(mktemp -d "${TMPDIR:-/tmp}/pmtr-deb.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM
  tree=$work/tree
  mkdir -p "$tree/DEBIAN"

  "${MAKE:-make}" --no-print-directory install DESTDIR="$tree" PREFIX=/usr SYSCONFDIR=/etc START=no \
    INIT="systemd sysvinit" ${BUILT:+BUILT="$BUILT"} >"$work/install.log" 2>&1 ||
    { cat "$work/install.log" >&2; fail "make install failed"; }
  arrange
  documents
  fix_modes
  control_files
  # What a directory holds may not tell when it was filled.
  find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

  mkdir -p "$result"
  package=$result/pmtr_${version}_$architecture.deb
  # One thread: more of them cut the data into other blocks.
  threads=
  if dpkg-deb --help | grep -q -e --threads-max; then threads=--threads-max=1; fi
  # shellcheck disable=SC2086 # No argument at all where dpkg-deb does not know it.
  dpkg-deb --root-owner-group -Zxz -z6 $threads --build "$tree" "$package.new" >/dev/null
  mv "$package.new" "$package"
  echo "$package"
}

epoch() {
  if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
    echo "$SOURCE_DATE_EPOCH"
  elif [ -e .git ] && git log -1 --format=%ct 2>/dev/null; then
    :
  else
    day=$(sed -n 's/^## .* - \([0-9-]*\)$/\1/p' CHANGELOG.md | head -n 1)
    if [ -n "$day" ]; then date -d "$day" +%s; else date -r CHANGELOG.md +%s; fi
  fi
}

# Where Debian wants something else than `make install` does.
arrange() {
  zsh=$tree/usr/share/zsh
  if [ -d "$zsh/site-functions" ]; then mv "$zsh/site-functions" "$zsh/vendor-completions"; fi
  find "$tree/usr/share/man" -type f ! -name '*.gz' -exec gzip -9n {} +
  [ -e "$tree/etc/pmtr.conf" ] || : >"$tree/etc/pmtr.conf"
}

documents() {
  doc=$tree/usr/share/doc/pmtr
  cp "$here/copyright" "$doc/copyright"
  gzip -9nc CHANGELOG.md >"$doc/changelog.gz"
  {
    echo "pmtr ($version) unstable; urgency=medium"
    echo
    echo "  * pmtr $upstream. See changelog.gz in this directory for the changes."
    echo
    echo " -- $(maintainer)  $(date -R -d "@$SOURCE_DATE_EPOCH")"
  } | gzip -9nc >"$doc/changelog.Debian.gz"
  mkdir -p "$tree/usr/share/lintian/overrides"
  cp "$here/lintian-overrides" "$tree/usr/share/lintian/overrides/pmtr"
}

maintainer() { sed -n 's/^Maintainer: //p' "$here/control"; }

fix_modes() {
  find "$tree" -type d -exec chmod 755 {} +
  find "$tree" -type f -perm /111 -exec chmod 755 {} +
  find "$tree" -type f ! -perm /111 -exec chmod 644 {} +
  # Commands with their arguments may be nobody else's business.
  chmod 600 "$tree/etc/pmtr.conf"
}

control_files() {
  for script in preinst postinst prerm postrm; do
    # dpkg keeps each of them by itself, so each holds all that it calls.
    sed -e "/^# shellcheck source=/d" -e "/^\. .*common\.sh\"*$/{r $here/common.sh
      d
    }" "$here/$script.sh" >"$tree/DEBIAN/$script"
    chmod 755 "$tree/DEBIAN/$script"
  done
  (cd "$tree" && find etc -type f | sort | sed 's|^|/|') >"$tree/DEBIAN/conffiles"
  (cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
  # Before control is there, for dpkg counts neither it nor its like.
  size=$(find "$tree" -path "$tree/DEBIAN" -prune -o -printf '%y %s\n' |
    awk '$1 == "f" { n += int(($2 + 1023) / 1024); next } { n++ } END { print n }')
  libraries=$(libraries)
  sed -e "s|@VERSION@|$version|; s|@ARCHITECTURE@|$architecture|; s|@SIZE@|$size|" \
    -e "/@LIBRARIES@/{s|@LIBRARIES@|$libraries|;/: *$/d
    }" "$here/control" >"$tree/DEBIAN/control"
  chmod 644 "$tree/DEBIAN/control" "$tree/DEBIAN/conffiles" "$tree/DEBIAN/md5sums"
}

# Prints the packages whose libraries the programs call, with the oldest version that has what they call; nothing
# for programs that are linked statically.
libraries() {
  if command -v dpkg-shlibdeps >/dev/null; then
    mkdir -p "$work/debian"
    printf 'Source: pmtr\n\nPackage: pmtr\nArchitecture: any\n' >"$work/debian/control"
    (cd "$work" && dpkg-shlibdeps -O tree/usr/bin/* 2>"$work/shlibdeps.log") >"$work/shlibdeps" ||
      { cat "$work/shlibdeps.log" >&2; fail "dpkg-shlibdeps failed"; }
    sed -n 's/^shlibs:Depends=//p' "$work/shlibdeps"
    return
  fi
  command -v objdump >/dev/null ||
    fail "install dpkg-dev (dpkg-shlibdeps) or binutils (objdump): one of them is needed to find the dependencies"
  objdump -p "$tree"/usr/bin/* >"$work/objdump"
  libc=$(sed -n 's/.* GLIBC_\([0-9.]*\)$/\1/p' "$work/objdump" | sort -V | tail -n 1)
  [ -z "$libc" ] || printf 'libc6 (>= %s)' "$libc"
}

main "$@"
