#!/bin/sh
# Before the files are there: preinst install [OLD] | upgrade OLD | abort-upgrade NEW
set -e

# shellcheck source=packaging/deb/common.sh
. "$(dirname "$0")/common.sh"

# A file that stands where dpkg is to put a configuration file of ours for the first time makes dpkg ask which of the
# two is wanted, and fail where nobody answers. It need not.
keep_what_is_there() {
  # The jobs are wanted as they are, and a pmtr that runs is not to see them vanish, not for a moment: so for the time
  # of the installation our own, empty one goes elsewhere. postinst tidies up.
  if [ -s "${DPKG_ROOT:-}/etc/pmtr.conf" ]; then
    dpkg-divert --package pmtr-conf --no-rename --divert /etc/pmtr.conf.dpkg-divert --add /etc/pmtr.conf >/dev/null
  fi
  # An older script may name other programs.
  script=${DPKG_ROOT:-}/etc/init.d/pmtr
  if [ -e "$script" ]; then mv "$script" "$script.dpkg-old"; fi
}

case $1 in
  install)
    if [ -z "$2" ]; then
      keep_what_is_there
    elif [ -e "${DPKG_ROOT:-}/etc/init.d/pmtr" ]; then
      # What postrm took from it.
      chmod +x "${DPKG_ROOT:-}/etc/init.d/pmtr"
    fi
    ;;
  upgrade)
    # Who was stopped stays stopped.
    if live && ! runs; then : >/run/pmtr.was-stopped; fi
    ;;
esac
