#!/bin/sh
# The RPM: its recipe parsed and linted, then built of what is committed, looked into and unpacked.
set -eu
here=$(realpath "$(dirname "$0")")
tree=${TREE:-$(dirname "$(dirname "$here")")}
work=$(mktemp -d "${TMPDIR:-/tmp}/pmtr-rpm-check.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

step() { printf '       %s\n' "$1"; }
failed() { echo "FAILED: $*" >&2; exit 1; }
skip() { echo "skipped: $*" >&2; exit 77; }
# What was printed has the line $1, or one that fits the pattern.
has() { grep -q -x -e "$1" "$work/said" || { cat "$work/said" >&2; failed "no line $1"; }; }

for tool in rpmbuild:rpm rpmspec:rpm rpm2cpio:rpm2cpio cpio:cpio rpmlint:rpmlint cargo:cargo git:git; do
  command -v "${tool%%:*}" >/dev/null || skip "${tool%%:*} is not installed (package ${tool##*:})"
done
git -C "$tree" rev-parse --verify -q HEAD >/dev/null || skip "this is no checkout of git"
spec=$tree/packaging/rpm/pmtr.spec
# What somebody has set for his own packages is not looked at.
export CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}"
export HOME="$work"

# Those of Fedora's package systemd-rpm-macros, in short, where that is not installed.
macros=
if [ -z "$(rpm --eval '%{?_unitdir}')" ]; then
  cat >"$work/macros" <<'MACROS'
%_unitdir %{_prefix}/lib/systemd/system
%systemd_requires Requires(post): systemd Requires(preun): systemd Requires(postun): systemd
%systemd_post() if [ $1 -eq 1 ]; then systemctl --no-reload preset %{?*} || : ; fi
%systemd_preun() if [ $1 -eq 0 ]; then systemctl --no-reload disable --now %{?*} || : ; fi
%systemd_postun_with_restart() if [ $1 -ge 1 ]; then systemctl try-restart %{?*} || : ; fi
MACROS
  macros=--load=$work/macros
fi

step "the recipe is understood, and for the version that there is"
rpmspec ${macros:+"$macros"} -P "$spec" >"$work/said"
has "Version: *$(sed -n 's/^version = "\(.*\)"/\1/p' "$tree/Cargo.toml" | head -n 1)"

mkdir "$work/lint"
cp "$tree/packaging/rpm/rpmlint.toml" "$work/lint"
# An rpm of another distribution may leave pages as they are, and symbols where they are.
cat >"$work/lint/elsewhere.toml" <<'LINT'
Filters = ["manpage-not-compressed", "no-manual-page-for-binary", "unstripped-binary-or-object"]
LINT
lint() {
  rpmlint -c "$work/lint" "$1" >"$work/said" 2>&1 || { cat "$work/said" >&2; failed "rpmlint"; }
  ! grep -q ' [EW]: ' "$work/said" || { cat "$work/said" >&2; failed "rpmlint"; }
}

step "rpmlint of the recipe"
lint "$spec"

step "built of what is committed"
package=$(RPM_DIR=$work/rpm sh "$tree/packaging/rpm/build.sh" --nodeps ${macros:+"$macros"}) || failed "no package"
[ -f "$package" ] || failed "more or less than a package: $package"

step "rpmlint of the package"
lint "$package"

step "its files"
rpm -qlp "$package" >"$work/said"
for file in /etc/pmtr.conf /usr/bin/pmtr /usr/bin/pmtr-ctl /usr/bin/pmtr-rptserver \
  /usr/lib/systemd/system/pmtr.service '/usr/share/man/man8/pmtr[.]8.*' /usr/share/bash-completion/completions/pmtr-ctl \
  /usr/share/zsh/site-functions/_pmtr /usr/share/fish/vendor_completions.d/pmtr.fish \
  /usr/share/vim/vimfiles/syntax/pmtr.vim /usr/share/doc/pmtr/README.md '/usr/share/licenses/pmtr.*/LICENSE'; do
  has "$file"
done
if grep -q init.d "$work/said"; then failed "it has a script for sysvinit"; fi
rpm -qcp "$package" >"$work/said"
[ "$(cat "$work/said")" = /etc/pmtr.conf ] || failed "its configuration is $(cat "$work/said")"
rpm -qp --qf '[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME} %{FILEFLAGS:fflags}\n]' "$package" >"$work/said"
has '/etc/pmtr.conf -rw------- root cn'

step "its scripts do what those of other services do"
rpm -qp --scripts "$package" >"$work/said"
for part in postinstall preuninstall postuninstall; do
  sed -n "/^$part scriptlet/,/scriptlet .*:$/p" "$work/said" | grep -q 'pmtr\.service' ||
    failed "$part forgets the service"
done

step "its programs run"
mkdir "$work/unpacked"
(cd "$work/unpacked" && rpm2cpio "$package" | cpio -idm --quiet)
[ "$("$work/unpacked/usr/bin/pmtr" --version)" = "pmtr $(rpm -qp --qf '%{VERSION}' "$package")" ] ||
  failed "pmtr does not tell the version of the package"
