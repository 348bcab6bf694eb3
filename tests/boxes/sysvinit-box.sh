#!/bin/sh
# A Debian without systemd in a throw-away box: sysvinit or OpenRC as they boot and halt a machine, with `service`,
# update-rc.d and all that init scripts meet.
# Needs root, util-linux, mmdebstrap and a Debian mirror.
#
#   sysvinit-box.sh build   DIR [PACKAGE...] a box over a small Debian, made once and kept in target/boxes;
#                                            with the package openrc, OpenRC runs the scripts
#   sysvinit-box.sh new     DIR [PACKAGE...] the same
#   sysvinit-box.sh start   DIR              boots it and returns when it has entered its runlevel
#   sysvinit-box.sh exec    DIR CMD [ARG...] runs CMD in the running box
#   sysvinit-box.sh chroot  DIR CMD [ARG...] runs CMD in the files of the box alone
#   sysvinit-box.sh put     DIR FROM TO      copies the content of the directory FROM to TO in the box
#   sysvinit-box.sh pid     DIR              prints the number of the box's process 1
#   sysvinit-box.sh root    DIR              prints the path by which the machine sees the files of the box
#   sysvinit-box.sh stop    DIR              halts it by its scripts; its files stay for the next start
#   sysvinit-box.sh destroy DIR              the same, and the files are gone
#
# Environment: BOX_OWNER, a process with whose end the box is destroyed, whatever happens; SUITE, the Debian to
# build of; BOX_CACHE, where built roots are kept.
# The exit status is 77 where a box can't be made; the reason is on stderr.
set -eu
self=$(basename "$0")
kind=sysvinit
ingredients=sysvinit-core,initscripts,lsb-base,procps,bsdutils
ENTER_ALSO=
usage() { sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2; exit 2; }

ready_layer() {
  echo box >"$1/etc/hostname"
  : >"$1/etc/fstab"
  if [ -x "$1/sbin/openrc" ]; then
    enter='/sbin/openrc default' leave='/sbin/openrc shutdown'
    # What looks for hardware and mounts finds nothing in a box.
    rm -rf "$1"/etc/runlevels/sysinit/* "$1"/etc/runlevels/boot/* "$1"/etc/runlevels/default/* \
      "$1"/etc/runlevels/off/*
    mkdir -p "$1/etc/runlevels/shutdown"
    sysinit='si::sysinit:/sbin/openrc sysinit'
  else
    enter='/etc/init.d/rc 2' leave='/etc/init.d/rc 0'
    rm -f "$1"/etc/rcS.d/S* "$1"/etc/rc[06].d/K*
    rm -f "$1"/etc/rc[06].d/S*
    sysinit=
  fi
  cat >"$1/etc/inittab" <<INITTAB
id:2:initdefault:
$sysinit
l0:0:wait:$leave
l2:2:wait:$enter
u2:2:wait:/bin/touch /run/booted
h0:0:wait:/bin/touch /run/halted
INITTAB
}

boot() {
  mount -t proc proc "$1/proc"
  mount -t sysfs sysfs "$1/sys"
  echo box >"$1/proc/sys/kernel/hostname"
  # What process 1 and its scripts say becomes a file: /dev has no console here.
  : >"$1/run/console"
  : >"$1/run/utmp"
  ln -s /run/console "$1/dev/console"
  exec env -i PATH="$BOX_PATH" TERM=dumb chroot "$1" /sbin/init
}

booted() { enter_box test -e /run/booted; }

power_off() {
  enter_box /sbin/init 0
  wait_for "${STOP_SECONDS:-90}" enter_box test -e /run/halted
  # Nobody else would end it: there is no machine to switch off.
  kill -KILL "$(note pid)"
}

# shellcheck source=tests/boxes/box.sh
. "$(dirname "$0")/box.sh"
verb=$1
shift 2
case $verb in
  build | new)
    # One or the other, for both own /etc/init.d/rc.
    case " $* " in *" openrc "*) ;; *) ingredients=$ingredients,sysv-rc ;; esac
    root=$(rootfs "$@")
    make_box "$root"
    ;;
  *) do_verb "$verb" "$@" ;;
esac
