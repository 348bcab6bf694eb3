#!/bin/sh
# When the files are there: postinst configure [OLD] | abort-upgrade NEW | abort-remove ... | abort-deconfigure ...
set -e

# shellcheck source=packaging/deb/common.sh
. "$(dirname "$0")/common.sh"

main() {
  case $1 in
    configure)
      tidy_up
      enable_service
      live || return 0
      bring_up
      ;;
    # prerm had stopped it.
    abort-remove)
      live || return 0
      rm -f /run/pmtr.was-stopped
      runs || start
      ;;
    # It was never stopped.
    abort-upgrade | abort-deconfigure) rm -f /run/pmtr.was-stopped ;;
  esac
}

# After preinst.
tidy_up() {
  if [ "$(dpkg-divert --truename /etc/pmtr.conf)" = /etc/pmtr.conf.dpkg-divert ]; then
    rm -f "${DPKG_ROOT:-}/etc/pmtr.conf.dpkg-divert"
    dpkg-divert --package pmtr-conf --no-rename --divert /etc/pmtr.conf.dpkg-divert --remove /etc/pmtr.conf >/dev/null
    say "/etc/pmtr.conf already exists and is kept"
  fi
  script=${DPKG_ROOT:-}/etc/init.d/pmtr
  if cmp -s "$script" "$script.dpkg-old"; then
    rm -f "$script.dpkg-old"
  elif [ -z "${old_version:-}" ] && [ -e "$script.dpkg-old" ]; then
    say "the old script in /etc/init.d is kept as $script.dpkg-old"
  fi
}

# At boot. Who has disabled the service finds it disabled after every upgrade.
enable_service() {
  if deb-systemd-helper --quiet was-enabled pmtr.service; then
    deb-systemd-helper enable pmtr.service >/dev/null || true
  else
    deb-systemd-helper update-state pmtr.service >/dev/null || true
  fi
  if live && [ -x /etc/init.d/pmtr ]; then
    update-rc.d pmtr defaults >/dev/null
  fi
}

bring_up() {
  if systemd; then systemctl --system daemon-reload >/dev/null || true; fi
  other=/usr/local/lib/systemd/system/pmtr.service
  [ ! -e "$other" ] || say "$other overrides the unit of this package; make uninstall PREFIX=/usr/local removes it"
  if runs; then
    [ -n "${old_version:-}" ] || say "the service was already running, without this package: restarting it"
    restart
  elif [ -n "${old_version:-}" ] && [ -e /run/pmtr.was-stopped ]; then
    :
  else
    start
  fi
  rm -f /run/pmtr.was-stopped
}

restart() {
  # A pmtr that can't start again would leave all jobs ended; the one that runs has the last good file in its memory.
  if [ -e /etc/pmtr.conf ] && ! /usr/bin/pmtr --check -c /etc/pmtr.conf >/dev/null 2>&1; then
    say "the service is NOT restarted and keeps running as it is, because /etc/pmtr.conf has errors:"
    /usr/bin/pmtr --check -c /etc/pmtr.conf 2>&1 | sed 's/^/pmtr: /' >&2 || true
    say "fix them, then run: service pmtr restart"
    return 0
  fi
  invoke restart
}

start() {
  others=$(running)
  others=${others% }
  # systemd waits for its own.
  if [ -n "$others" ] && ! is_ending; then
    say "a pmtr that was started by hand is running with /etc/pmtr.conf, process $others"
    say "the service is NOT started, because it would compete for the same jobs"
    say "to switch to the service: kill $others, wait until it has ended, then run: service pmtr start"
    return 0
  fi
  invoke start
}

# By the ways that respect what the administrator has set: a disabled service is not started, policy-rc.d is asked.
# A service that does not come up makes no installation fail: nothing in the package could mend it.
invoke() {
  if systemd; then
    deb-systemd-invoke "$1" pmtr.service >/dev/null || {
      if [ -e /etc/pmtr.conf ]; then /usr/bin/pmtr --check -c /etc/pmtr.conf 2>&1 >/dev/null | sed 's/^/pmtr: /' >&2; fi
      complain "$1" "journalctl -u pmtr"
    }
  else
    invoke-rc.d pmtr "$1" || complain "$1" "pmtr --check"
  fi
}

complain() { say "the $1 of the service failed; for the reason run: $2"; }

old_version=${2:-}
main "$@"
