#!/bin/sh
# Lays out the root of the image from the static programs in PROGRAMS. The image and its tests both come from here.
#
#     root.sh PROGRAMS DESTDIR
set -eu

if [ $# -ne 2 ] || [ -z "$2" ]; then
  echo "root.sh: usage: root.sh PROGRAMS DESTDIR" >&2
  exit 1
fi
programs=$1 root=$2
here=$(dirname "$0")

# Runtimes mount something on dev, proc and sys, which on a read-only root can't be made then.
install -d -m 755 "$root" "$root/dev" "$root/etc" "$root/proc" "$root/sys" "$root/usr" "$root/usr/bin"
install -m 755 "$programs/pmtr" "$programs/pmtr-ctl" "$root/usr/bin/"
# For every user, as pmtr may run as anybody.
install -m 644 "$here/pmtr.conf" "$here/passwd" "$here/group" "$root/etc/"
