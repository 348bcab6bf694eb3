#!/bin/sh
# Kills pmtr with SIGKILL $1 times below an init system that restarts it, and measures how long it takes until each of
# the jobs runs once again. The rest of the arguments are the command lines of the jobs, which are to start no
# processes: a shell that forks is there twice for a moment.
set -eu
rounds=$1
shift
jobs=$#
pattern=$(printf '%s|' "$@")
pattern=${pattern%|}

now() { date +%s%N; }
fail() { echo "round $round: $*" >&2; ps -eo pid,ppid,args >&2; exit 1; }

# Whether a new pmtr has each job once as its child. More processes than jobs are a failure whenever they are seen.
restored() {
  found=$(pgrep -x -f "$pattern" | wc -l)
  [ "$found" -le "$jobs" ] || fail "$found processes of $jobs jobs"
  new=$(pgrep -x -o pmtr) || return 1
  [ "$new" != "$old" ] || return 1
  [ "$(pgrep -x -f -P "$new" "$pattern" | wc -l)" = "$jobs" ] || return 1
  [ "$(pgrep -x -a -f -P "$new" "$pattern" | cut -d' ' -f2- | sort -u | wc -l)" = "$jobs" ]
}

worst=0 sum=0 round=1 late=0
while [ "$round" -le "$rounds" ]; do
  old=$(pgrep -x -o pmtr)
  since=$(now)
  kill -KILL "$old"
  until restored; do
    [ $(($(now) - since)) -lt 10000000000 ] || fail "not restored after 10 s"
    sleep 0.01
  done
  took=$((($(now) - since) / 1000000))
  sum=$((sum + took))
  [ "$took" -le "$worst" ] || worst=$took
  [ "$took" -le 1500 ] || late=$((late + 1))
  round=$((round + 1))
done
echo "killed $rounds times: each job ran once again after $((sum / rounds)) ms on average, $worst ms at worst"
echo "more than 1500 ms: $late times"
# Idle, a machine takes a third of that. One that has much else to do may be late now and then.
[ "$late" -le $((rounds / 20)) ]
