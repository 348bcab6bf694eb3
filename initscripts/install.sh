#!/bin/sh
# What `make install` and `make uninstall` do; the Makefile says with what.
#
#   install.sh install|uninstall
#
# DESTDIR, PREFIX, SYSCONFDIR, INIT and START are those of make; INIT may be empty. BUILT is where the programs are.
# FILES are lines of a mode, a path below PREFIX and the file that goes there, or of `link`, a path below PREFIX and
# what the link says.
#
# Nothing is compiled or fetched. Each file is laid beside its place and then renamed, so a program that runs is no
# obstacle, and nobody ever sees half a file.
set -eu
umask 022

here=$(dirname "$0")
fail() { echo "make: $*" >&2; exit 1; }

# Both are written into the unit and the init script, where a blank would end the word. DESTDIR is not.
fit() {
  path=$2
  while [ "$path" != "${path%/}" ]; do path=${path%/}; done
  case $path in
    /*[!A-Za-z0-9/._+~@-]*) fail "$1 is '$2', but can have only letters, digits and /._+~@-" ;;
    /* | '') ;;
    *) fail "$1 is '$2', but must begin with /" ;;
  esac
}
fit PREFIX "$PREFIX"
PREFIX=$path
fit SYSCONFDIR "$SYSCONFDIR"
SYSCONFDIR=$path
case $START in yes | no) ;; *) fail "START is '$START', but must be yes or no" ;; esac

below=$DESTDIR$PREFIX
etc=$DESTDIR$SYSCONFDIR
[ -n "$INIT" ] || INIT=$(sh "$here/service.sh" detect)
# With DESTDIR this is about some other machine, and without root no service can be touched.
live=no
if [ -z "$DESTDIR" ] && [ "$(id -u)" -eq 0 ] && [ "$START" != no ]; then live=yes; fi

# Before anything is done, so that nothing is left half done: whether the directories, or where they would be made,
# can be written.
writable() {
  for place; do
    there=$place
    while [ ! -d "$there" ]; do there=$(dirname "$there"); done
    [ -w "$there" ] || fail "cannot write to $there: run this as root, or set DESTDIR, or PREFIX and SYSCONFDIR"
  done
}

# Mode, source, destination.
place() {
  mkdir -p "$(dirname "$3")"
  install -m "$1" "$2" "$3.new"
  mv -f "$3.new" "$3"
}

# The same for a file that names the directories of others.
place_filled() {
  mkdir -p "$(dirname "$3")"
  # The literal ones become names first, so that nothing is filled in twice.
  sed -e 's|/usr/bin/pmtr|@BINDIR@/pmtr|g; s|/etc/pmtr\.conf|@SYSCONFDIR@/pmtr.conf|g' \
    -e "s|@BINDIR@|$PREFIX/bin|g; s|@SYSCONFDIR@|$SYSCONFDIR|g" "$2" >"$3.new"
  chmod "$1" "$3.new"
  mv -f "$3.new" "$3"
}

install_all() {
  for program in pmtr pmtr-ctl pmtr-rptserver; do
    [ -x "$BUILT/$program" ] || fail "$BUILT/$program is missing: run make build first, as an ordinary user"
  done
  for word in $INIT; do
    case $word in systemd | sysvinit | openrc | none) ;;
      *) fail "INIT is $word, but must be systemd, sysvinit, openrc or none" ;; esac
  done
  writable "$below/bin" "$below/share" "$etc"
  printf "%s\n" "$FILES" | while read -r mode to from; do
    case $mode in
      '') ;;
      link)
        mkdir -p "$(dirname "$below/$to")"
        ln -sfn "$from" "$below/$to"
        ;;
      *) place "$mode" "$from" "$below/$to" ;;
    esac
  done
  for word in $INIT; do
    case $word in
      systemd) place_filled 644 "$here/pmtr.service.in" "$below/lib/systemd/system/pmtr.service" ;;
      sysvinit) place_filled 755 "$here/pmtr.init" "$etc/init.d/pmtr" ;;
      openrc) place_filled 755 "$here/pmtr.openrc" "$etc/init.d/pmtr" ;;
    esac
  done
  # Commands with their arguments may be nobody else's business. A link that leads nowhere is not ours to follow.
  if [ ! -e "$etc/pmtr.conf" ] && [ ! -L "$etc/pmtr.conf" ]; then
    mkdir -p "$etc"
    install -m 600 /dev/null "$etc/pmtr.conf"
  fi
  if [ "$live" = yes ]; then sh "$here/service.sh" start "$INIT"; fi
}

uninstall_all() {
  writable "$below/bin" "$below/share" "$etc"
  if [ "$live" = yes ]; then sh "$here/service.sh" stop; fi
  printf "%s\n" "$FILES" | while read -r _ to _; do
    [ -z "$to" ] || rm -f "$below/$to"
  done
  # That zsh may have come later.
  rm -f "$below/share/zsh/site-functions/_pmtr"
  # Whatever it was installed for. The script has a place of its own, and may be that of another installation.
  rm -f "$below/lib/systemd/system/pmtr.service"
  if grep -qx -e "PROGRAM=$PREFIX/bin/pmtr" -e "program=$PREFIX/bin/pmtr" "$etc/init.d/pmtr" 2>/dev/null; then
    rm -f "$etc/init.d/pmtr"
  fi
  # What the service has kept of its jobs, unless there is another one.
  service=$etc/init.d/pmtr
  for dir in /usr/lib /lib /usr/local/lib /etc; do
    unit=$DESTDIR$dir/systemd/system/pmtr.service
    if [ -e "$unit" ] || [ -L "$unit" ]; then service=$unit; fi
  done
  if [ ! -e "$service" ]; then
    rm -f "$DESTDIR/var/lib/pmtr/last-good.conf" "$DESTDIR/var/lib/pmtr/last-good.conf.new" 2>/dev/null || true
    rmdir "$DESTDIR/var/lib/pmtr" 2>/dev/null || true
  fi
  # The others are shared: an empty one may have been there before.
  rmdir "$below/share/doc/pmtr/prometheus" "$below/share/doc/pmtr" 2>/dev/null || true
  if [ "$live" = yes ]; then sh "$here/service.sh" forget; fi
  [ ! -e "$etc/pmtr.conf" ] || echo "make: $etc/pmtr.conf is kept"
}

case ${1:-} in
  install)
    install_all
    [ -z "$DESTDIR" ] || echo "make: installed below $DESTDIR; no service was enabled or started"
    ;;
  uninstall) uninstall_all ;;
  *) fail "usage: install.sh install|uninstall" ;;
esac
