#!/bin/sh
# When the files have gone: postrm remove | purge | upgrade NEW | abort-install ... | abort-upgrade OLD | ...
set -e

# shellcheck source=packaging/deb/common.sh
. "$(dirname "$0")/common.sh"

script=${DPKG_ROOT:-}/etc/init.d/pmtr

undo_preinst() {
  rm -f "${DPKG_ROOT:-}/etc/pmtr.conf.dpkg-divert"
  if [ "$(dpkg-divert --truename /etc/pmtr.conf)" = /etc/pmtr.conf.dpkg-divert ]; then
    dpkg-divert --package pmtr-conf --no-rename --divert /etc/pmtr.conf.dpkg-divert --remove /etc/pmtr.conf >/dev/null
  fi
  if [ ! -e "$script" ] && [ -e "$script.dpkg-old" ]; then mv "$script.dpkg-old" "$script"; fi
}

case $1 in
  remove)
    # Neither is systemd to make a unit of it, nor an init program to run it.
    if [ -e "$script" ]; then chmod -x "$script"; fi
    if live && systemd; then
      systemctl --system daemon-reload >/dev/null || true
      systemctl reset-failed pmtr.service 2>/dev/null || true
    fi
    ;;
  purge)
    # dpkg takes the configuration away. Somebody else's pmtr keeps what it knows about its jobs.
    if ! live || [ -z "$(running)" ]; then rm -rf "${DPKG_ROOT:-}/var/lib/pmtr"; fi
    if command -v deb-systemd-helper >/dev/null; then deb-systemd-helper purge pmtr.service >/dev/null || true; fi
    if live; then
      update-rc.d pmtr remove >/dev/null
      rm -f /run/pmtr.was-stopped
      # Somebody else's pmtr keeps what it knows about its jobs.
      if [ -z "$(running)" ]; then rm -rf /run/pmtr /run/pmtr.pid /run/pmtr.pid.lock /run/pmtr.pid.stop; fi
    fi
    ;;
  abort-install) undo_preinst ;;
  abort-upgrade)
    if live; then rm -f /run/pmtr.was-stopped; fi
    ;;
esac
