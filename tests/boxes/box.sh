# What both kinds of boxes share; read by systemd-box.sh and sysvinit-box.sh, which define
#   ready_layer LAYER     run once when a box is made: takes away what must not be in it
#   boot LAYER            process 1 of the box, as the last thing in place of the shell
#   booted                whether it is up
#   power_off             asks it to end; it is waited for
# and set ingredients, what a root file system of their kind is made of.
#
# A box is a directory that holds a few notes. Its files are a throw-away layer over a root file system that
# is never written to, and live in the mount namespace of one process, the keeper: when that ends, so do all
# mounts, the processes and the control group of the box. The keeper ends by `destroy`, or when the process
# BOX_OWNER does.
#
# shellcheck shell=sh
# shellcheck disable=SC2154 # self, kind and ingredients are those of the script that reads this.

BOX_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

skip() { echo "skipped: $*" >&2; exit 77; }
fail() { echo "$self: $*" >&2; exit 1; }

# Waits up to $1 seconds for the rest of the line to be true.
wait_for() {
  rounds=$(($1 * 20))
  shift
  while ! "$@" >/dev/null 2>&1; do
    rounds=$((rounds - 1))
    [ "$rounds" -gt 0 ] || return 1
    sleep 0.05
  done
}

note() { cat "$BOX/$1" 2>/dev/null || true; }
lives() { [ -n "${1:-}" ] && [ -d "/proc/$1" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null; }
kept() { lives "$(note keeper)"; }
runs() { lives "$(note pid)"; }
ended() { ! lives "$1"; }
# Runs a command where the layer is visible, and nothing else of the box.
beside() { nsenter -t "$(note keeper)" -m -- "$@"; }

# The machine's own sources, so that whatever mirror it was given is used.
sources() {
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | grep '^deb ' || true
  cat /etc/apt/sources.list.d/*.sources 2>/dev/null | grep -v '^#' || true
}

# Prints the root file system made of $ingredients and the packages named, which is made when it is not there yet.
rootfs() {
  packages=$ingredients
  for package; do packages=$packages,$package; done
  # shellcheck source=/dev/null
  suite=${SUITE:-$(. /etc/os-release && echo "${VERSION_CODENAME:-}")}
  [ -n "$suite" ] || skip "neither SUITE nor the machine says which Debian to make the box of"
  name=$kind-$suite-$(echo "$packages" | cksum | cut -d' ' -f1)
  root=$cache/$name
  if [ ! -d "$root" ]; then
    command -v mmdebstrap >/dev/null || skip "mmdebstrap is not installed"
    mkdir -p "$cache"
    # Somebody else may be making the same.
    new=$root.$$
    trap 'rm -rf "$new" "$new.log"' EXIT
    trap 'exit 130' INT TERM HUP
    echo "$self: making $root of $packages" >&2
    sources | mmdebstrap -q --variant=essential --include="$packages" --aptopt='Acquire::Languages "none"' \
      --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
      --dpkgopt='path-exclude=/usr/share/man/*' "$suite" "$new" - >"$new.log" 2>&1 || {
      tail -5 "$new.log" >&2
      skip "no packages of $suite to make the box of"
    }
    mv -T "$new" "$root" || [ -d "$root" ]
  fi
  echo "$root"
}

# Makes a box over the root file system $1, and its keeper.
make_box() {
  ! kept || fail "$BOX is there already"
  mkdir -p "$BOX/layer"
  echo "$1" >"$BOX/base"
  rm -f "$BOX/ready" "$BOX/pid"
  setsid unshare --mount sh "$(realpath "$0")" keep "$BOX" "${BOX_OWNER:-}" >"$BOX/keeper.log" 2>&1 </dev/null &
  echo $! >"$BOX/keeper"
  wait_for 20 test -e "$BOX/ready" || { cat "$BOX/keeper.log" >&2; fail "could not lay a layer over $1"; }
}

# The keeper. $1 is whose end it does not outlive.
keep() {
  set -e
  mount --make-rprivate /
  mount -t tmpfs -o mode=755 box "$BOX/layer"
  cd "$BOX/layer"
  mkdir upper work root cgroup
  mount -t overlay -o "lowerdir=$(note base),upperdir=upper,workdir=work" box root
  # Not where the machine has it: that may be nowhere.
  if mount -t cgroup2 box cgroup 2>/dev/null && mkdir "cgroup/$group" 2>/dev/null; then :; fi
  ready_layer "$BOX/layer/root"
  trap 'end_all; exit 0' INT TERM HUP
  : >"$BOX/ready"
  while [ -z "${1:-}" ] || kill -0 "$1" 2>/dev/null; do
    sleep 0.5 &
    nap=$!
    wait "$nap"
  done
  end_all
  cd /
  umount -l "$BOX/layer"
  rm -rf --one-file-system "$BOX"
}

# Also after a half of something.
end_all() {
  set +e
  kill "$nap"
  pid=$(note pid)
  if lives "$pid"; then
    kill -KILL "$pid"
    wait_for 20 ended "$pid"
  fi
  end_group
} 2>/dev/null

end_group() {
  [ -d "$BOX/layer/cgroup/$group" ] || return 0
  echo 1 >"$BOX/layer/cgroup/$group/cgroup.kill"
  wait_for 10 remove_group
} 2>/dev/null

remove_group() {
  find "$BOX/layer/cgroup/$group" -depth -type d -exec rmdir {} \; 2>/dev/null
  [ ! -d "$BOX/layer/cgroup/$group" ]
}

start_box() {
  ! runs || fail "$BOX runs already"
  kept || fail "there is no box $BOX"
  # Only process 1 joins the control group: if those outside did, systemd could not tell what is its own.
  setsid nsenter -t "$(note keeper)" -m -- unshare --pid --mount --uts --ipc --net --fork --kill-child=SIGKILL \
    sh "$(realpath "$0")" boot "$BOX" >"$BOX/console" 2>&1 </dev/null &
  launcher=$!
  wait_for 60 up_or_dead "$launcher" || true
  up && return
  tail -20 "$BOX/console" >&2
  end_process_1
  fail "the box did not come up"
}

up() { runs && booted; }
up_or_dead() { up || ended "$1"; }

# What process 1 does before it becomes the init program.
boot_box() {
  set -e
  # Of the /proc outside, so this is the number that others know us by.
  read -r pid _ </proc/self/stat
  echo "$pid" >"$BOX/pid"
  layer=$BOX/layer/root
  mount --make-rprivate /
  mount -t tmpfs -o mode=755 box "$layer/run"
  mkdir -m 1777 "$layer/run/lock"
  mount -t tmpfs -o mode=1777 box "$layer/tmp"
  mount -t tmpfs -o mode=755 box "$layer/dev"
  for device in null zero full random urandom tty; do
    : >"$layer/dev/$device"
    mount --bind "/dev/$device" "$layer/dev/$device"
  done
  mkdir "$layer/dev/pts" "$layer/dev/shm"
  ln -s pts/ptmx "$layer/dev/ptmx"
  ln -s /proc/self/fd "$layer/dev/fd"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 box "$layer/dev/pts"
  mount -t tmpfs -o mode=1777 box "$layer/dev/shm"
  ip link set lo up 2>/dev/null || true
  boot "$layer"
}

end_process_1() {
  pid=$(note pid)
  # It may end by itself just now.
  if lives "$pid"; then kill -KILL "$pid" 2>/dev/null || true; fi
  wait_for 20 ended "$pid" || true
  rm -f "$BOX/pid"
}

stop_box() {
  if runs; then
    pid=$(note pid)
    power_off >/dev/null 2>&1 || true
    wait_for "${STOP_SECONDS:-90}" ended "$pid" || echo "$self: the box did not end by itself" >&2
  fi
  end_process_1
}

destroy_box() {
  stop_box
  keeper=$(note keeper)
  if kept; then kill -TERM "$keeper" 2>/dev/null || true; fi
  wait_for 20 ended "$keeper" || { kill -KILL "$keeper" 2>/dev/null || true; }
  rm -rf --one-file-system "$BOX"
}

enter_box() {
  runs || fail "the box does not run"
  # shellcheck disable=SC2086 # No argument at all where there is nothing to say.
  nsenter -t "$(note pid)" -m -u -i -p -n ${ENTER_ALSO:-} -r -w -- /usr/bin/env -i PATH="$BOX_PATH" HOME=/root \
    TERM=dumb LANG=C.UTF-8 SYSTEMD_PAGER=cat SYSTEMD_COLORS=0 "$@"
}

# Without an init program, and without any namespace of its own but that of the mounts.
chroot_box() {
  kept || fail "there is no box $BOX"
  # shellcheck disable=SC2016 # Expanded by that shell.
  nsenter -t "$(note keeper)" -m -- unshare --mount sh -ec '
    layer=$1
    path=$2
    shift 2
    mount -t proc proc "$layer/proc"
    mount -t tmpfs -o mode=755 box "$layer/dev"
    for device in null zero full random urandom; do
      : >"$layer/dev/$device"
      mount --bind "/dev/$device" "$layer/dev/$device"
    done
    exec chroot "$layer" /usr/bin/env -i PATH="$path" HOME=/root LANG=C.UTF-8 "$@"
  ' sh "$BOX/layer/root" "$BOX_PATH" "$@"
}

# Copies the content of the directory $1 to $2 in the box.
put_into_box() {
  kept || fail "there is no box $BOX"
  beside mkdir -p "$BOX/layer/root/$2"
  tar -C "$1" -cf - . | beside tar -C "$BOX/layer/root/$2" --no-same-owner -xf -
}

# $1 is the verb; what only one kind has is done before this is called.
do_verb() {
  verb=$1
  shift
  case $verb in
    start) start_box ;;
    exec) enter_box "$@" ;;
    chroot) chroot_box "$@" ;;
    put) put_into_box "$@" ;;
    pid) runs && note pid ;;
    root) kept && echo "/proc/$(note keeper)/root$BOX/layer/root" ;;
    stop) stop_box ;;
    destroy) destroy_box ;;
    keep) keep "$@" ;;
    boot) boot_box ;;
    *) usage ;;
  esac
}

[ $# -ge 2 ] || usage
[ "$(id -u)" -eq 0 ] || skip "needs root"
unshare --mount --pid --fork true 2>/dev/null || skip "no right to make namespaces"
BOX=$(realpath -m "$2")
cache=${BOX_CACHE:-$(realpath -m "$(dirname "$0")/../../target/boxes")}
group=pmtr-box-$(printf %s "$BOX" | cksum | cut -d' ' -f1)
