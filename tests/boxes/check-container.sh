#!/bin/sh
# pmtr as process 1 of its own image: lays out the root as the image's last stage has it, adds a shell for the jobs as
# an image derived from it would, and runs it by each runtime there is: unshare, crun, podman.
#
# Everything happens in namespaces of its own, which take all processes and mounts with them when this ends.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)

skip() {
  echo "skipped: check-container: $*"
  exit 77
}

if [ "${1:-}" != inside ]; then
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  for tool in unshare chroot setpriv python3 ldd readelf; do
    command -v "$tool" >/dev/null || skip "needs $tool"
  done
  spaces="--mount --pid --fork --kill-child=KILL --mount-proc"
  # shellcheck disable=SC2086
  unshare $spaces true 2>/dev/null || skip "needs namespaces"
  make -s -C "$top" static || exit 1
  work=$(mktemp -d "${TMPDIR:-/tmp}/pmtr-container.XXXXXX")
  inside=
  trap '[ -z "$inside" ] || kill -KILL "$inside" 2>/dev/null; rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM
  # shellcheck disable=SC2086
  unshare $spaces "$0" inside "$work" &
  inside=$!
  status=0
  wait "$inside" || status=$?
  inside=
  exit "$status"
fi

work=$2
here=$(dirname "$0")
# shellcheck source=tests/boxes/container-runtimes.sh
. "$here/container-runtimes.sh"
trap 'exit 1' HUP INT TERM

# Runtimes want a pure hierarchy, and leave their marks in these folders.
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /dev/shm

# --- roots -----------------------------------------------------------------------------------------------------

make -s -C "$top" container-root DESTDIR="$work/image" >/dev/null || fail "make container-root"

# What a derived image adds: programs for the jobs, here those of this machine with their libraries.
cp -a "$work/image" "$work/unshare"
mkdir "$work/unshare/conf" "$work/unshare/bin"
for program in sh sleep setsid cat id setpriv; do
  path=$(command -v "$program")
  cp -L "$path" "$work/unshare/bin/$program"
  ldd "$path" | grep -o '/[^ ]*' || true
done | sort -u >"$work/libraries"
xargs cp -L --parents -t "$work/unshare" <"$work/libraries"
cat >"$work/unshare/bin/speak" <<'SPEAK'
echo "speaks $1 $(id -u)"
SPEAK
cat >"$work/unshare/bin/deaf" <<'DEAF'
trap '' TERM
echo "deaf now"
while :; do sleep 1000; done
DEAF
cat >"$work/unshare/bin/orphans" <<'ORPHANS'
i=0
while [ $i -lt 1000 ]; do
  (setsid /bin/sh -c : &)
  i=$((i + 1))
done
echo "all are born"
exec sleep 100000
ORPHANS

# Whether a runtime gets as far as pmtr here, and if not, why.
tried_out() {
  cp -a "$work/unshare" "$work/$1"
  if (start "$1" "$1-trial" - --version && ends "$1-trial" 0) >"$work/$1.why" 2>&1; then return 0; fi
  cat "$work/$1-trial/log" "$work/$1.why" | grep . | tail -n 1 >&2
  return 1
}

runtimes=unshare
mount -t cgroup2 cgroup2 /sys/fs/cgroup || say "no cgroup2 here"
for runtime in crun podman; do
  if ! command -v "$runtime" >/dev/null; then
    say "skipped: $runtime is not installed"
  elif ! why=$(tried_out "$runtime" 2>&1); then
    say "skipped: $runtime does not work here: $why"
  else
    runtimes="$runtimes $runtime"
  fi
done

begun=$(date +%s)
step() { say "$runtime: $* ($(($(date +%s) - begun)) s)"; }

# --- what each runtime is put through ----------------------------------------------------------------------------

# Whether no child of its first process waits to be reaped, and there are so many.
children_are() {
  count=0
  first=$(first "$1")
  read -r children <"/proc/$first/task/$first/children" || true
  for child in $children; do
    case $(sed 's/.*) //' "/proc/$child/stat" 2>/dev/null) in Z*) return 1 ;; esac
    count=$((count + 1))
  done
  [ "$count" -eq "$2" ]
}

deaf_job() { job deaf "/bin/sh /bin/deaf" "out syslog"; }
endless_job() { job "$1" "/bin/sleep 100000"; }

# They take 10 seconds to end, so they are told to at first and looked at last.
begin_stubborn() {
  deaf_job | save "$runtime-stubborn"
  start "$runtime" "$runtime-stubborn" -
  wait_for "$runtime-stubborn" "deaf now"
  if [ "$runtime" = podman ]; then
    # As an operator does it; the second one is not given the time that its job needs.
    our_podman stop -t 20 podman-stubborn >/dev/null &
    deaf_job | save podman-hurried
    start podman podman-hurried -
    wait_for podman-hurried "deaf now"
    our_podman stop -t 2 podman-hurried >/dev/null &
  else
    signal "$runtime-stubborn" TERM
  fi
}

end_stubborn() {
  ends "$runtime-stubborn" 0
  wait_for "$runtime-stubborn" "sending SIGKILL to job deaf"
  step "a job that does not listen was killed after its 10 seconds, and the status is 0"
  [ "$runtime" = podman ] || return 0
  ends podman-hurried 137
  step "with a stop timeout below that, the runtime killed all"
}

check_jobs() {
  n=$runtime-jobs
  {
    endless_job plain
    job said "/bin/sh /bin/speak said" "out syslog" "once"
    job other "/bin/sh /bin/speak other" "err syslog" "out syslog" "user nobody" "once"
    job raw "/bin/sh /bin/speak raw" "out /proc/1/fd/1" "once"
    job stdout "/bin/sh /bin/speak stdout" "out /dev/stdout" "user nobody" "once"
  } | save "$n"
  start "$runtime" "$n" -
  wait_for "$n" "speaks said 0"
  wait_for "$n" "speaks other 65534"
  wait_for "$n" "speaks raw 0"
  wait_for "$n" "speaks stdout 65534"
  step "jobs run, also as another user, and their output is the container's"

  { endless_job plain; endless_job renamed; } | save "$n"
  wait_for "$n" "started job renamed"
  echo "joob {" | save "$n"
  wait_for "$n" "NOTE: using PREVIOUS job config"
  endless_job plain | save "$n"
  wait_for "$n" "sending SIGTERM to job renamed"
  within children_are "$n" 1 || fail "more than one job is left"
  [ "$(grep -c "started job plain" "$work/$n/log")" -eq 1 ] || fail "a job that is the same was restarted"
  step "a file in a mounted directory is applied when it is saved, and not with a mistake"

  if [ "$runtime" = podman ]; then
    our_podman logs podman-jobs 2>&1 | grep -qF "unknown option" || fail "podman logs lacks the mistake"
  fi
  signal "$n" TERM
  ends "$n" 0
  wait_for "$n" "pmtr: exiting on signal 15"
  ! has "$n" SIGKILL || fail "a job was killed that would have ended by itself"
  step "TERM ended all with status 0"
}

check_orphans() {
  n=$runtime-orphans
  job orphans "/bin/sh /bin/orphans" "out syslog" | save "$n"
  start "$runtime" "$n" readonly -v -c /conf/pmtr.conf
  wait_for "$n" "all are born"
  adopted() { [ "$(grep -c "adopted process" "$work/$n/log")" -eq 1000 ]; }
  within adopted || fail "not all of 1000 orphans were reaped"
  within children_are "$n" 1 || fail "there are zombies"
  signal "$n" QUIT
  ends "$n" 0
  step "1000 orphans were reaped, and no zombie is left"
}

check_second_term() {
  n=$runtime-second
  deaf_job | save "$n"
  start "$runtime" "$n" -
  wait_for "$n" "deaf now"
  signal "$n" TERM
  wait_for "$n" "sending SIGTERM to job deaf"
  signal "$n" TERM
  ends "$n" 0
  # Not after 10 seconds: it was killed because of the second signal.
  wait_for "$n" "sending SIGKILL to job deaf"
  grep -Eq "job deaf [0-9]+ exited after [0-9] sec: signal 9" "$work/$n/log" || fail "it took as long as one signal"
  step "a second TERM killed at once what was left"
}

# with WORDS UID: a container that may do less.
check_less() {
  n=$runtime-$(echo "$1" | tr -d ' ')
  {
    job own "/bin/sh /bin/speak own" "out syslog" "once"
    job other "/bin/sh /bin/speak other" "out syslog" "user nobody"
    job upwards "/bin/sleep 100000" "nice -5"
    job inward "/bin/sleep 100000" "out /made-here"
    endless_job plain
  } | save "$n"
  start "$runtime" "$n" "$1"
  wait_for "$n" "speaks own $2"
  wait_for "$n" "can't start job other: groups of user nobody: Operation not permitted"
  wait_for "$n" "can't start job upwards: nice -5: Permission denied"
  wait_for "$n" "can't start job inward: open out /made-here: Read-only file system"
  wait_for "$n" "started job plain"
  signal "$n" INT
  ends "$n" 0
  has "$n" "exiting on signal 2" || fail "no word of the signal"
  step "$1: its own jobs run, the others say what they lack, and INT ends all with status 0"
}

check_mistakes() {
  n=$runtime-mistakes
  echo "jbo {" | save "$n"
  start "$runtime" "$n" readonly
  ends "$n" 1
  wait_for "$n" "FAILED to parse /conf/pmtr.conf"
  if [ "$runtime" = podman ]; then
    our_podman logs "$n" 2>&1 | grep -qF "did you mean" || fail "podman logs lacks the mistake"
  fi
  start "$runtime" "$runtime-usage" readonly -x
  ends "$runtime-usage" 2
  start "$runtime" "$runtime-empty" "readonly nocaps" -c /etc/pmtr.conf
  wait_for "$runtime-empty" "no jobs yet; add some to /etc/pmtr.conf"
  signal "$runtime-empty" TERM
  ends "$runtime-empty" 0
  step "mistakes end it with status 1, wrong usage with 2, an image without jobs says what it waits for"
}

# A volume as container platforms fill it: links through a directory that is swapped as a whole.
check_swap() {
  n=$runtime-swap
  mkdir -p "$work/$n/conf/..1" "$work/$n/conf/..2"
  endless_job before >"$work/$n/conf/..1/pmtr.conf"
  endless_job behind >"$work/$n/conf/..2/pmtr.conf"
  ln -s ..1 "$work/$n/conf/..data"
  ln -s ..data/pmtr.conf "$work/$n/conf/pmtr.conf"
  start "$runtime" "$n" readonly
  wait_for "$n" "started job before"
  ln -s ..2 "$work/$n/conf/..data_tmp"
  mv -T "$work/$n/conf/..data_tmp" "$work/$n/conf/..data"
  rm -r "$work/$n/conf/..1"
  wait_for "$n" "started job behind"
  signal "$n" TERM
  ends "$n" 0
  step "a directory that is swapped for another one is applied"
}

# --- what needs one runtime only -----------------------------------------------------------------------------------

# Neither /proc nor anything in /dev.
check_bare() {
  n=$runtime-bare
  {
    job able "/bin/sh /bin/speak able" "in /conf/pmtr.conf" "out syslog" "err syslog" "user nobody" "once"
    job unable "/bin/sleep 100000"
    job raw "/bin/sh /bin/speak raw" "in /conf/pmtr.conf" "out /proc/1/fd/1" "err syslog"
    job own "/bin/sh /bin/speak own" "in /conf/pmtr.conf" "out /dev/stdout" "err /dev/stderr" "once"
  } | save "$n"
  start "$runtime" "$n" "readonly noproc nodev"
  wait_for "$n" "speaks able 65534"
  wait_for "$n" "can't start job unable: open in /dev/null: No such file or directory"
  wait_for "$n" "can't start job raw: open out /proc/1/fd/1: No such file or directory"
  wait_for "$n" "speaks own 0"
  job late "/bin/sh /bin/speak late" "in /conf/pmtr.conf" "out syslog" "err syslog" | save "$n"
  wait_for "$n" "speaks late 0"
  signal "$n" TERM
  ends "$n" 0
  step "without /proc, /dev/null and /dev/log what needs none of them runs, and edits are applied"
}

# A file that is mounted by itself stays the one that it was.
check_single_file() {
  n=$runtime-single
  endless_job old | save "$n"
  start "$runtime" "$n" "single readonly" -c /etc/pmtr.conf
  wait_for "$n" "started job old"
  endless_job new | save "$n"
  signal "$n" HUP
  wait_for "$n" "rescanning job configuration"
  signal "$n" TERM
  ends "$n" 0
  ! has "$n" "job new" || fail "what was mounted by itself was seen to be renamed"
  step "a file that is mounted by itself does not follow a rename"
}

# The last stage of the Dockerfile itself, with the root above in the place of what the first stage builds.
check_image() {
  mkdir "$work/stage"
  cp -a "$work/image" "$work/stage/image"
  our_podman build -q --isolation chroot --build-context build="$work/stage" -t localhost/pmtr \
    -f "$top/packaging/container/Dockerfile" "$top" >/dev/null || fail "podman build"
  box=podman-image
  mkdir "$work/$box"
  echo podman >"$work/$box/runtime"
  our_podman run -d --name "$box" --read-only --cap-drop=all --network=none --cgroups=disabled \
    --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 --log-driver=k8s-file \
    --log-opt path="$work/$box/log" localhost/pmtr >/dev/null || fail "the image does not run"
  wait_for "$box" "no jobs yet"
  our_podman stop -t 20 "$box" >/dev/null
  ends "$box" 0
  step "the image is built, runs as it is on a read-only root without capabilities, and stops"
}

check_exec() {
  n=podman-exec
  { echo "listen on udp://127.0.0.1:10000"; endless_job web; } | save "$n"
  start podman "$n" readonly
  wait_for "$n" "started job web"
  [ "$(our_podman exec "$n" /usr/bin/pmtr-ctl enable web)" = "enabled web" ] || fail "pmtr-ctl has no answer"
  our_podman exec "$n" /usr/bin/pmtr --check -c /conf/pmtr.conf >/dev/null || fail "the check fails"
  signal "$n" TERM
  ends "$n" 0
  step "pmtr-ctl and --check work by podman exec"
}

# --- all of it -----------------------------------------------------------------------------------------------------

for runtime in $runtimes; do begin_stubborn; done
for runtime in $runtimes; do
  check_jobs
  check_orphans
  check_second_term
  check_less "readonly user" 1000
  check_less "readonly nocaps" 0
  check_mistakes
  check_swap
done
for runtime in $runtimes; do
  case $runtime in
    unshare) check_bare; check_single_file ;;
    podman) check_image; check_exec ;;
  esac
done
for runtime in $runtimes; do end_stubborn; done
for runtime in $runtimes; do
  for file in made-here run/pmtr; do
    [ ! -e "$work/$runtime/$file" ] || fail "$file was written to the root"
  done
done
say "all is well with $runtimes"
