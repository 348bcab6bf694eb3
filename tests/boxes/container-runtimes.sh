# shellcheck shell=sh
# One way to start, signal and wait for a container, whatever runs it: unshare, crun or podman. To be sourced.
#
# A container is a name. Its folder $work/NAME has the folder conf, seen inside as /conf, and its output in log.
# $work/RUNTIME is the root that all containers of a runtime share: none of them writes there.

: "${work:?}"

say() { echo "check-container: $*"; }

fail() {
  say "FAILED: $*"
  [ -z "${box:-}" ] || { echo "the output of $box:"; tail -n 30 "$work/$box/log"; } 2>/dev/null
  exit 1
}

# Whether something becomes true within 30 seconds: within COUNT looks of 50 ms each.
within() {
  looks=600
  until "$@"; do
    looks=$((looks - 1))
    [ "$looks" -gt 0 ] || return 1
    sleep 0.05
  done
}

has() { grep -qF -- "$2" "$work/$1/log" 2>/dev/null; }

# wait_for NAME TEXT: until its output has it.
wait_for() {
  within has "$1" "$2" || { box=$1; fail "$1 never said: $2"; }
}

# job NAME CMD [LINE...]: one more job for the file on stdin's other side.
job() {
  printf 'job {\n  name %s\n  cmd %s\n' "$1" "$2"
  shift 2
  for line; do printf '  %s\n' "$line"; done
  echo '}'
}

# save NAME: the file of that container is what comes on stdin, put in place by rename.
save() {
  mkdir -p "$work/$1/conf"
  cat >"$work/$1/conf/pmtr.conf.new"
  mv "$work/$1/conf/pmtr.conf.new" "$work/$1/conf/pmtr.conf"
}

# start RUNTIME NAME WORDS [ARG...]: WORDS are readonly, user (1000), nocaps, noproc, nodev, or -; the arguments are
# those of pmtr, by default -c /conf/pmtr.conf.
start() {
  box=$2 runtime=$1 words=$3
  shift 3
  [ $# -gt 0 ] || set -- -c /conf/pmtr.conf
  mkdir -p "$work/$box/conf"
  echo "$runtime" >"$work/$box/runtime"
  : >"$work/$box/log"
  "start_$runtime" "$@"
}

asked() { case " $words " in *" $1 "*) return 0 ;; *) return 1 ;; esac }

# Its first process as this script numbers it.
first() {
  case $(cat "$work/$1/runtime") in
    unshare) xargs <"/proc/$(cat "$work/$1/pid")/task/$(cat "$work/$1/pid")/children" ;;
    crun) our_crun state "$1" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p' ;;
    podman) our_podman inspect -f '{{.State.Pid}}' "$1" ;;
  esac
}

# signal NAME SIGNAL
signal() {
  case $(cat "$work/$1/runtime") in
    unshare) kill -s "$2" "$(first "$1")" ;;
    crun) our_crun kill "$1" "$2" ;;
    podman) our_podman kill -s "$2" "$1" >/dev/null ;;
  esac
}

# Waits for its end and prints its exit status.
ended() {
  case $(cat "$work/$1/runtime") in
    podman) our_podman wait "$1" ;;
    *)
      within [ -e "$work/$1/status" ] || { box=$1; fail "$1 does not end"; }
      cat "$work/$1/status"
      ;;
  esac
}

# ends NAME STATUS
ends() {
  status=$(ended "$1")
  [ "$status" = "$2" ] || { box=$1; fail "$1 ended with status $status instead of $2"; }
}

# Runs a command as a child of this shell, and writes down how it ended.
in_background() {
  {
    "$@" </dev/null >>"$work/$box/log" 2>&1 &
    echo $! >"$work/$box/pid"
    ended_with=0
    wait $! || ended_with=$?
    echo "$ended_with" >"$work/$box/status.new"
    mv "$work/$box/status.new" "$work/$box/status"
  } &
}

start_unshare() {
  in_background unshare --pid --mount --uts --ipc --net --fork --kill-child=KILL \
    sh -ec "$UNSHARED" sh "$work/unshare" "$work/$box/conf" "$words" "$@"
  within [ -s "$work/$box/pid" ] || fail "unshare does not start"
}

# What stands before pmtr when nobody but this script is the runtime: root, conf, words, arguments of pmtr.
# shellcheck disable=SC2016
UNSHARED='
root=$1 conf=$2 words=" $3 "
shift 3
mount --make-rprivate /
mount --bind "$root" "$root"
case $words in *" noproc "*) ;; *) mount -t proc proc "$root/proc" ;; esac
case $words in *" nodev "*) ;; *)
  mount -t tmpfs -o mode=755 tmpfs "$root/dev"
  : >"$root/dev/null"
  mount --bind /dev/null "$root/dev/null"
  ln -s /proc/self/fd/1 "$root/dev/stdout"
  ln -s /proc/self/fd/2 "$root/dev/stderr" ;;
esac
mount --bind "$conf" "$root/conf"
case $words in *" single "*) mount --bind "$conf/pmtr.conf" "$root/etc/pmtr.conf" ;; esac
case $words in *" readonly "*)
  mount -o remount,bind,ro "$root/conf"
  mount -o remount,bind,ro "$root" ;;
esac
# As other runtimes do: nothing of what this script was started with.
clean="env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
case $words in
  *" user "*) exec $clean chroot --userspec=1000:1000 "$root" /usr/bin/pmtr "$@" ;;
  *" nocaps "*) exec $clean chroot "$root" /bin/setpriv --bounding-set=-all --inh-caps=-all /usr/bin/pmtr "$@" ;;
  *) exec $clean chroot "$root" /usr/bin/pmtr "$@" ;;
esac'

our_crun() { crun --root "$work/crun-state" "$@"; }

start_crun() {
  mkdir -p "$work/$box/bundle"
  (cd "$work/$box/bundle" && crun spec)
  python3 - "$work/$box/bundle/config.json" "$work/crun" "$work/$box/conf" "$words" "$@" <<'EDIT'
import json, sys
path, root, conf, words, args = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4].split(), sys.argv[5:]
with open(path) as file:
    spec = json.load(file)
process = spec["process"]
process["args"], process["terminal"] = ["/usr/bin/pmtr", *args], False
process.pop("rlimits", None)
spec["linux"].pop("resources", None)
spec["root"] = {"path": root, "readonly": "readonly" in words}
spec["mounts"] = [mount for mount in spec["mounts"] if mount["destination"] in ("/proc", "/dev")]
if "noproc" in words:
    spec["mounts"] = [mount for mount in spec["mounts"] if mount["destination"] != "/proc"]
    spec["linux"].pop("maskedPaths", None), spec["linux"].pop("readonlyPaths", None)
how = ["bind", "ro" if "readonly" in words else "rw"]
spec["mounts"].append({"destination": "/conf", "type": "bind", "source": conf, "options": how})
caps = [] if "nocaps" in words or "user" in words else ["CAP_KILL", "CAP_SETGID", "CAP_SETUID"]
process["capabilities"] = {kind: caps for kind in ("bounding", "effective", "permitted")}
if "user" in words:
    process["user"] = {"uid": 1000, "gid": 1000}
with open(path, "w") as file:
    json.dump(spec, file)
EDIT
  in_background crun --root "$work/crun-state" run -b "$work/$box/bundle" "$box"
}

# Its own store, without a log daemon or cgroups, so that it leaves nothing behind.
our_podman() {
  podman --root "$work/podman-store" --runroot "$work/podman-run" --tmpdir "$work/podman-tmp" \
    --storage-driver vfs --cgroup-manager cgroupfs --events-backend none "$@"
}

start_podman() {
  how=rw more=
  if asked readonly; then how=ro more="$more --read-only --read-only-tmpfs=false"; fi
  if asked user; then more="$more --user 1000:1000"; fi
  if asked nocaps; then more="$more --cap-drop=all"; fi
  # shellcheck disable=SC2086
  our_podman run -d --name "$box" --network=none --cgroups=disabled --ulimit nofile=1024:1024 \
    --ulimit nproc=10000:10000 --log-driver=k8s-file --log-opt path="$work/$box/log" \
    -v "$work/$box/conf:/conf:$how" $more --rootfs "$work/podman" /usr/bin/pmtr "$@" >/dev/null ||
    fail "podman could not start $box"
}
