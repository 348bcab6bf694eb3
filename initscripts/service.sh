#!/bin/sh
# The part of an installation that touches the running system.
#
#   service.sh detect      prints which init system the machine has
#   service.sh start INIT  enables the service, and starts it, or restarts it when it runs; INIT as make has it
#   service.sh stop        stops the service and disables it, unless it is that of another PREFIX
#   service.sh forget      tells the init system that its file has gone
#
# PREFIX and SYSCONFDIR are those of make.
# Where no init system runs, as in a container or below chroot, nothing is started, which is said and no failure.
set -eu

UNIT=${PREFIX-/usr}/lib/systemd/system/pmtr.service
PROGRAM=${PREFIX-/usr}/bin/pmtr
SCRIPT=/etc/init.d/pmtr
CONF=${SYSCONFDIR-/etc}/pmtr.conf

say() { echo "make: $*"; }
have() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1; }
# Whether the process 1 that is seen here has the same files as we.
# shellcheck disable=SC3013 # Every shell that make may be given knows -ef.
not_below_chroot() { [ /proc/1/root -ef / ]; }

# What runs counts more than what is installed.
detect() {
  if [ -d /run/systemd/system ]; then
    echo systemd
  elif have openrc-run; then
    echo openrc
  elif [ -d /etc/init.d ] && [ "$(cat /proc/1/comm 2>/dev/null)" = init ]; then
    echo sysvinit
  elif [ -x /lib/systemd/systemd ] || [ -x /usr/lib/systemd/systemd ]; then
    echo systemd
  elif [ -d /etc/init.d ]; then
    echo sysvinit
  else
    echo none
  fi
}

# Whether that one runs, so that a service can be started.
runs() {
  case $1 in
    systemd)
      [ -d /run/systemd/system ] || return 1
      case $(systemctl is-system-running 2>/dev/null) in
        initializing | starting | running | degraded | maintenance) ;;
        *) return 1 ;;
      esac
      ;;
    openrc) [ -e /run/openrc/softlevel ] && not_below_chroot ;;
    sysvinit) [ "$(cat /proc/1/comm 2>/dev/null)" = init ] && not_below_chroot ;;
    *) return 1 ;;
  esac
}

# Whether the process with the directory $1 in /proc has the name of pmtr and belongs to the user $uid. The owner of the
# files there does not tell: they belong to root when a process has changed its user.
named_pmtr() {
  newline='
'
  case $(cat "$1/status" 2>/dev/null) in
    Name:?pmtr"$newline"*"$newline"Uid:?"$uid"?"$uid"?"$uid"?"$uid""$newline"*) ;;
    *) return 1 ;;
  esac
}

# Prints the number of a pmtr that runs with our file. Those of containers, of other users and with other files are
# none of our business.
running_pmtr() {
  uid=$(id -u)
  for process in /proc/[0-9]*; do
    named_pmtr "$process" || continue
    # shellcheck disable=SC3013 # See above.
    if [ "$process/ns/pid" -ef /proc/self/ns/pid ] && [ "$process/root" -ef / ] &&
      [ "$(conf_of "$process")" = "$CONF" ]; then
      echo "${process#/proc/}"
      return 0
    fi
  done
  return 1
}

# Prints the file that the command line of a process names.
conf_of() {
  tr '\0' '\n' 2>/dev/null <"$1/cmdline" | {
    conf=/etc/pmtr.conf
    wanted=no
    # Nothing is read of a process that has just ended.
    read -r _ || exit 0
    while read -r word; do
      case $wanted$word in
        yes*) conf=$word wanted=no ;;
        no--* | no-p*) ;;
        no-*c) wanted=yes ;;
        no-*c/*) conf=/${word#*/} ;;
      esac
    done
    echo "$conf"
  }
}

# Prints the errors of the file, so that running jobs are not stopped for a file that cannot start any.
may_restart() {
  if [ ! -e "$CONF" ] && [ ! -L "$CONF" ]; then return; fi
  "$PROGRAM" --check -c "$CONF" >/dev/null || {
    say "pmtr was not restarted, because $CONF has errors. Fix them, then run:"
    say "    service pmtr restart"
    return 1
  } >&2
}

enable_it() {
  case $1 in
    systemd)
      if ! have systemctl; then
        say "pmtr does not start at boot: there is no systemctl"
        return
      fi
      if runs systemd; then systemctl daemon-reload; fi
      # By its name, which may be that of the operator's own copy; by its path where PREFIX is a place that systemd
      # does not search.
      systemctl enable pmtr.service 2>/dev/null || systemctl enable "$UNIT" ||
        say "pmtr does not start at boot: systemctl enable $UNIT failed"
      ;;
    sysvinit)
      if [ ! -x "$SCRIPT" ]; then
        say "pmtr does not start at boot: its script is not in /etc/init.d"
      elif have update-rc.d; then
        PATH=$PATH:/usr/sbin:/sbin update-rc.d pmtr defaults
      elif have chkconfig; then
        PATH=$PATH:/usr/sbin:/sbin chkconfig --add pmtr
      elif have insserv; then
        PATH=$PATH:/usr/sbin:/sbin insserv pmtr
      else
        say "pmtr does not start at boot: update-rc.d, chkconfig and insserv are all missing"
      fi
      ;;
    openrc) PATH=$PATH:/usr/sbin:/sbin rc-update add pmtr default ;;
  esac
}

start() {
  init=$(detect)
  case " $1 " in *" $init "*) ;; *) init= ;; esac
  if [ -z "$init" ] || [ "$init" = none ]; then
    say "pmtr is installed but not started. To run it: $PROGRAM -c $CONF"
    return
  fi
  enable_it "$init"
  if ! runs "$init"; then
    say "pmtr is installed but not started, because $init is not running here. To run it: $PROGRAM -c $CONF"
    return
  fi
  if is_active "$init"; then
    may_restart || return 1
    verb=restart
  elif hand=$(running_pmtr); then
    say "pmtr is installed. The service was not started, because a pmtr that was started by hand is running [$hand]."
    say "To switch to the service: kill $hand, wait until it has ended, then run: service pmtr start"
    return
  else
    verb=start
  fi
  if ! drive "$init" "$verb"; then
    # systemd only says where to look.
    if [ "$init" = systemd ]; then "$PROGRAM" --check -c "$CONF" >/dev/null || true; fi
    say "pmtr is installed, but the $verb failed; see the lines above or the log" >&2
    return 1
  fi
  say "pmtr is installed and runs as a service. Add jobs to $CONF"
}

is_active() {
  case $1 in
    systemd)
      case $(systemctl is-active pmtr.service) in active | activating | reloading | deactivating) ;; *) return 1 ;; esac
      ;;
    openrc) drive openrc status >/dev/null 2>&1 ;;
    sysvinit) [ -x "$SCRIPT" ] && "$SCRIPT" status >/dev/null 2>&1 ;;
  esac
}

drive() {
  case $1 in
    systemd) systemctl "$2" pmtr.service ;;
    openrc) PATH=$PATH:/usr/sbin:/sbin rc-service pmtr "$2" ;;
    sysvinit) "$SCRIPT" "$2" ;;
  esac
}

# Whether the service is that of this PREFIX: another installation may have put its own in place of it, and a unit
# that the operator wrote himself counts by what it runs.
is_ours() {
  case $1 in
    systemd)
      if runs systemd; then
        systemctl show -p ExecStart pmtr.service | grep -q " path=$PROGRAM "
      else
        [ -e "$UNIT" ]
      fi
      ;;
    *) grep -qx -e "PROGRAM=$PROGRAM" -e "program=$PROGRAM" "$SCRIPT" 2>/dev/null ;;
  esac
}

# What is not there, or was never started, is no failure.
stop() {
  init=$(detect)
  [ "$init" != none ] && is_ours "$init" || return 0
  case $init in
    systemd)
      have systemctl || return 0
      if runs systemd; then systemctl stop pmtr.service; fi
      systemctl disable pmtr.service 2>/dev/null || true
      ;;
    openrc)
      if runs openrc; then drive openrc stop; fi
      PATH=$PATH:/usr/sbin:/sbin rc-update del pmtr default 2>/dev/null || true
      ;;
    sysvinit)
      "$SCRIPT" stop
      if ! have update-rc.d && have chkconfig; then PATH=$PATH:/usr/sbin:/sbin chkconfig --del pmtr; fi
      ;;
  esac
}

forget() {
  case $(detect) in
    systemd)
      runs systemd || return 0
      systemctl daemon-reload
      systemctl reset-failed pmtr.service 2>/dev/null || true
      ;;
    openrc) ;;
    sysvinit)
      [ ! -e "$SCRIPT" ] || return 0
      if have update-rc.d; then
        PATH=$PATH:/usr/sbin:/sbin update-rc.d pmtr remove
      elif ! have chkconfig && have insserv; then
        PATH=$PATH:/usr/sbin:/sbin insserv -r pmtr
      fi
      ;;
  esac
}

case ${1:-} in
  detect) detect ;;
  start) start "$2" ;;
  stop) stop ;;
  forget) forget ;;
  *)
    sed -n '2,/^# Where/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
