#!/bin/sh
# pmtr installed, booted, crashed, upgraded and removed under a real OpenRC.
kind=sysvinit
init=OpenRC
# shellcheck source=tests/boxes/steps.sh
. "$(dirname "$0")/steps.sh"

tell_log() { inside sh -c 'rc-status -a; ps -eo pid,ppid,args'; }
as_user() { inside setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
service() { inside rc-service pmtr "$@"; }

prepare openrc make

install_below_chroot

step "make install: the service runs"
must make_in_box install
must_say 'runs as a service'
must inside service pmtr status
must inside test -e /etc/runlevels/default/pmtr

step "a file that is saved is applied"
good_file
soon 10 one_each
soon 10 inside test -s /var/tmp/slow.started

step "the verbs and their statuses"
pmtr=$(pmtr_pid)
must_end 0 service start
must_end 0 as_user rc-service pmtr status
must_end 0 service reload
must [ "$(pmtr_pid)" = "$pmtr" ]

step "a reload or restart with a mistake fails, shows it, and the jobs run on"
jobs=$(jobs_pids)
bad_file
for verb in reload restart; do
  must_end 1 service "$verb"
  must_say 'did you mean .user.'
done
must [ "$(jobs_pids)" = "$jobs" ]
must [ "$(pmtr_pid)" = "$pmtr" ]
must service status
good_file
must_end 0 service reload
must [ "$(jobs_pids)" = "$jobs" ]

step "a stop waits until all jobs have ended"
ends=$(slow_ended)
must_end 0 service stop
must no_pmtr
must no_jobs
must [ "$(slow_ended)" = $((ends + 1)) ]
must_end 0 service stop
must_end 3 service status

step "a start while the file has a mistake begins with what was applied last"
bad_file
must_end 0 service start
must_say 'NOTE: using the LAST GOOD job config of '
soon 10 one_each
must_end 1 service reload
good_file
must_end 0 service reload
soon 10 one_each
must_end 0 service stop

step "a start that fails says why"
bad_file
forget_last_good
must_end 1 service start
must_say 'did you mean .user.'
must_end 3 service status
good_file
must_end 0 service start
soon 10 one_each

step "a number that has gone to another program means nothing"
crash
stranger=$(inside sh -c 'sleep 4000 >/dev/null 2>&1 & echo $!')
inside sh -c "echo $stranger >/run/pmtr.pid"
must_end 32 service status
must_end 0 service stop
must inside kill "$stranger"

step "after a crash the next start has each job once"
must_end 0 service start
soon 20 one_each
for _ in 1 2 3; do
  crash
  must_end 32 service status
  must_end 0 service start
  soon 20 one_each
  crash
  must_end 0 service restart
  soon 20 one_each
done
# Those who repair a machine may do it this way.
crash
must make_in_box install
soon 20 one_each

step "make install over a pmtr that runs restarts it once"
before=$(pmtr_pid)
soon 10 inside test -s /var/tmp/slow.started
starts=$(starts_of_slow)
must make_in_box install
must [ "$(pmtr_pid)" != "$before" ]
more_starts() { [ "$(starts_of_slow)" = $((starts + 1)) ]; }
soon 10 more_starts
soon 10 one_each

step "make install START=no leaves it alone, and so does one while the file has mistakes"
before=$(pmtr_pid)
must make_in_box install START=no
bad_file
must_end 2 make_in_box install
must_say 'did you mean .user.'
must [ "$(pmtr_pid)" = "$before" ]
good_file

step "started at boot; at shutdown each job ends in its time"
soon 10 one_each
inside rm -f /var/tmp/slow.ended
box stop
box start
must [ "$(slow_ended)" = 1 ]
must service status
soon 10 one_each

step "make uninstall leaves nothing but the file"
must make_in_box uninstall
must no_pmtr
must no_jobs
must_end 2 inside ls /etc/runlevels/default/pmtr
must no_new_files
must inside test -s /etc/pmtr.conf
must make_in_box uninstall

finish
