# What the checks share: a box of their own, pmtr's tree in it, and steps that are told and judged. A check sets
# `kind` before it reads this.
#
# shellcheck shell=sh
# shellcheck disable=SC2154 # kind is that of the script that reads this.

set -eu
here=$(realpath "$(dirname "$0")")
# TREE is another tree than this one, for trying out.
tree=${TREE:-$(dirname "$(dirname "$here")")}
work=$(mktemp -d "${TMPDIR:-/tmp}/pmtr-check.XXXXXX")
export BOX_OWNER=$$
began=$(date +%s)
current='the start' judged=

box() {
  verb=$1
  shift
  sh "$here/$kind-box.sh" "$verb" "$work" "$@"
}
inside() { box exec "$@"; }

clean() {
  status=$?
  trap - EXIT
  # A command that nobody judged.
  [ -n "$judged" ] || echo "FAILED: $current: ended with $status, and nobody knows why" >&2
  box destroy >/dev/null 2>&1 || true
  rm -rf --one-file-system "$work"
  exit "$status"
}
trap clean EXIT
trap 'judged=yes; exit 130' INT TERM HUP

step() {
  current=$1
  printf '%4ds  %s\n' "$(($(date +%s) - began))" "$1"
}

failed() {
  judged=yes
  {
    echo "FAILED: $current: $*"
    echo "--- what pmtr and its init system said last:"
    tell_log 2>&1 | tail -30
  } >&2
  exit 1
}

# The rest must be true.
must() { "$@" >"$work/said" 2>&1 || { cat "$work/said" >&2; failed "$*"; }; }

# The rest must end with status $1.
must_end() {
  expected=$1
  shift
  got=0
  "$@" >"$work/said" 2>&1 || got=$?
  [ "$got" = "$expected" ] || { cat "$work/said" >&2; failed "$* ended with $got and not $expected"; }
}

# What the last `must` or `must_end` printed must contain $1.
must_say() { grep -q -e "$1" "$work/said" || { cat "$work/said" >&2; failed "nothing said of $1"; }; }
must_not_say() { ! grep -q -e "$1" "$work/said" || { cat "$work/said" >&2; failed "$1 was said"; }; }

# Looks up to $1 seconds until the rest is true.
soon() {
  rounds=$(($1 * 20))
  shift
  until "$@" >"$work/said" 2>&1; do
    rounds=$((rounds - 1))
    [ "$rounds" -gt 0 ] || { cat "$work/said" >&2; failed "waited in vain: $*"; }
    sleep 0.05
  done
}

# A box with the tree in it.
prepare() {
  step "a box with ${init:-$kind}"
  for program in pmtr pmtr-ctl pmtr-rptserver; do
    built=${CARGO_TARGET_DIR:-$tree/target}/release
    [ -x "$built/$program" ] || { echo "$built/$program is missing: make build" >&2; judged=yes; exit 1; }
    mkdir -p "$work/tree/target/release"
    cp "$built/$program" "$work/tree/target/release"
  done
  for part in Makefile initscripts man completions vim examples pmtr.conf.example; do
    cp -r "$tree/$part" "$work/tree"
  done
  cp -r "$here/inside" "$work/tree"
  # Its status and its reason are ours when there can be none.
  judged=yes
  box new "$@"
  judged=
  box put "$work/tree" /srv/pmtr
  box start
  files_before=$(list_files)
}

# Every file and link where something may be installed, and the directories that are ours alone. What others keep there
# for themselves is left out.
list_files() {
  {
    inside find /usr /etc -xdev '(' ! -type d -o -name '*pmtr*' ')'
    inside find /var/lib -maxdepth 1 -name 'pmtr*'
  } | grep -v -e '^/etc/pmtr.conf$' -e '[.]cache$' | sort
}

# $1 of make with more arguments, as an operator does it.
make_in_box() { inside env -u MAKEFLAGS make -C /srv/pmtr --no-print-directory "$@"; }

# As when an image is made: there are an init system's files, and it does not run.
install_below_chroot() {
  step "make install below chroot starts nothing, and is no failure"
  must box chroot make -C /srv/pmtr --no-print-directory install
  must_say 'not started'
  must box chroot make -C /srv/pmtr --no-print-directory uninstall
  must no_pmtr
  must no_new_files
  must inside rm /etc/pmtr.conf
}

# Writes the file of the jobs from standard input.
write_file() { box exec sh -c 'cat >/etc/pmtr.conf.new && mv /etc/pmtr.conf.new /etc/pmtr.conf'; }

# The number of the pmtr that runs, of its jobs' processes, and those in short.
# A child of pmtr that has not yet become its job bears the name as well.
pmtr_pid() {
  inside ps -o pid=,ppid= -C pmtr |
    awk '{ parent[$1] = $2 } END { for (pid in parent) if (!(parent[pid] in parent)) print pid }'
}
jobs_pids() { inside pgrep -x -f '/bin/sleep 10000[0-9]+' | tr '\n' ' '; }
one_each() { [ "$(inside pgrep -a -x -f '/bin/sleep 10000[0-9]+' | cut -d' ' -f2- | sort | tr '\n' ,)" = "$each" ]; }
no_jobs() { [ -z "$(jobs_pids)" ]; }
no_pmtr() { [ -z "$(pmtr_pid)" ]; }

# Three jobs, and one that notes its start, takes 3 seconds to end and notes that it did.
each='/bin/sleep 100001,/bin/sleep 100002,/bin/sleep 100003,'
good_file() {
  write_file <<'FILE'
job {
  name one
  cmd /bin/sleep 100001
}
job {
  name two
  cmd /bin/sleep 100002
  user nobody
  nice 5
}
job {
  name three
  cmd /bin/sleep 100003
}
job {
  name slow
  cmd /bin/sh /srv/pmtr/inside/slow.sh
}
FILE
}

short_file() {
  write_file <<'FILE'
job {
  name one
  cmd /bin/sleep 100001
}
FILE
}

bad_file() {
  write_file <<'FILE'
job {
  name one
  cmd /bin/sleep 100001
  uesr nobody
}
FILE
}

# So that a start while the file has a mistake fails.
forget_last_good() { must inside rm /var/lib/pmtr/last-good.conf; }

starts_of_slow() { inside sh -c 'cat /var/tmp/slow.started 2>/dev/null | wc -l'; }
slow_ended() { inside sh -c 'cat /var/tmp/slow.ended 2>/dev/null | wc -l'; }

# Where pmtr runs with a pid file.
pid_of_file() { inside cat /run/pmtr.pid; }

# Kills pmtr there in the way that nobody can prepare for, and leaves its jobs alone.
crash() {
  inside kill -KILL "$(pid_of_file)"
  soon 10 no_pmtr
}

# Whether there are the same files as before anything was installed.
no_new_files() {
  [ "$files_before" = "$(list_files)" ] && return
  echo "$files_before" >"$work/before"
  list_files | diff "$work/before" - >&2
}

finish() {
  judged=yes
  step "all is well"
}
