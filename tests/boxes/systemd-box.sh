#!/bin/sh
# A real systemd as process 1 in a throw-away box: no virtual machine, no container engine.
# Needs root, util-linux and a kernel with cgroup v2; `build` also mmdebstrap and a Debian mirror.
#
#   systemd-box.sh overlay DIR              a box over the machine's own root, which must have systemd
#   systemd-box.sh build   DIR [PACKAGE...] a box over a small Debian, made once and kept in target/boxes
#   systemd-box.sh new     DIR [PACKAGE...] the former where that is possible, otherwise the latter
#   systemd-box.sh start   DIR              boots it and returns when systemd says that it is up
#   systemd-box.sh exec    DIR CMD [ARG...] runs CMD in the running box
#   systemd-box.sh chroot  DIR CMD [ARG...] runs CMD in the files of the box alone
#   systemd-box.sh put     DIR FROM TO      copies the content of the directory FROM to TO in the box
#   systemd-box.sh pid     DIR              prints the number of the box's process 1
#   systemd-box.sh root    DIR              prints the path by which the machine sees the files of the box
#   systemd-box.sh stop    DIR              powers it off; its files stay for the next start
#   systemd-box.sh destroy DIR              the same, and the files are gone
#
# Environment: BOX_OWNER, a process with whose end the box is destroyed, whatever happens; SUITE, the Debian to
# build of; BOX_CACHE, where built roots are kept.
# The exit status is 77 where a box can't be made; the reason is on stderr.
set -eu
self=$(basename "$0")
kind=systemd
ingredients=systemd,systemd-sysv,dbus,procps
ENTER_ALSO=-C
usage() { sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2; exit 2; }

ready_layer() {
  [ -d "$BOX/layer/cgroup/$group" ] || { echo "no cgroup2 can be mounted here"; exit 77; }
  # None of the services that the machine happens to have enabled: only what a test installs.
  rm -rf "$1"/etc/systemd/system/*.wants "$1"/etc/systemd/system/*.requires "$1"/etc/rc?.d/S*
  : >"$1/etc/machine-id"
  : >"$1/etc/fstab"
  echo box >"$1/etc/hostname"
  # Those of a machine tell of hardware and of users that a box has not.
  rm -rf "$1"/etc/systemd/system/default.target "$1"/var/log/journal
}

boot() {
  echo 0 >"$BOX/layer/cgroup/$group/cgroup.procs"
  # shellcheck disable=SC2016 # Expanded by that shell.
  exec unshare --cgroup sh -ec '
    mount -t proc proc "$1/proc"
    mount -t sysfs sysfs "$1/sys"
    mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
    echo box >"$1/proc/sys/kernel/hostname"
    exec env -i container=box PATH="$2" TERM=dumb chroot "$1" /lib/systemd/systemd --unit=multi-user.target
  ' sh "$1" "$BOX_PATH"
}

booted() {
  case $(enter_box systemctl is-system-running) in running | degraded) ;; *) return 1 ;; esac
}

# SIGRTMIN+4, which is 38 with the C library of Debian: start poweroff.target.
power_off() { kill -38 "$(note pid)"; }

# shellcheck source=tests/boxes/box.sh
. "$(dirname "$0")/box.sh"
verb=$1
shift 2
can_overlay() { [ -x /lib/systemd/systemd ] && command -v systemctl >/dev/null; }
case $verb in
  overlay) can_overlay || skip "systemd is not installed here"; make_box / ;;
  build) root=$(rootfs "$@"); make_box "$root" ;;
  new) if can_overlay; then make_box /; else root=$(rootfs "$@"); make_box "$root"; fi ;;
  *) do_verb "$verb" "$@" ;;
esac
