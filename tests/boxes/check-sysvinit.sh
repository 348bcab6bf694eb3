#!/bin/sh
# pmtr installed, booted, crashed, upgraded and removed under a real sysvinit.
kind=sysvinit
# shellcheck source=tests/boxes/steps.sh
. "$(dirname "$0")/steps.sh"

tell_log() { inside ps -eo pid,ppid,args; }
as_user() { inside setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
script() { inside /etc/init.d/pmtr "$@"; }
runlevel_links() { inside sh -c 'ls -d /etc/rc?.d/*pmtr 2>/dev/null'; }

prepare make busybox

install_below_chroot

step "make install: the service runs"
must make_in_box install
must_say 'runs as a service'
must inside service pmtr status
must [ "$(inside stat -c '%a %s' /etc/pmtr.conf)" = '600 0' ]
must [ "$(runlevel_links | grep -c 'S[0-9]*pmtr')" = 4 ]

step "a file that is saved is applied"
good_file
soon 10 one_each
soon 10 inside test -s /var/tmp/slow.started

step "the verbs and their statuses"
pmtr=$(pmtr_pid)
must_end 0 script start
must_say 'already running'
must_end 2 script
must_end 2 script frobnicate
must_end 2 script start now
must_end 0 as_user /etc/init.d/pmtr status
must_end 4 as_user /etc/init.d/pmtr stop
must_end 0 script reload
must_end 0 script force-reload
must [ "$(pmtr_pid)" = "$pmtr" ]

step "a reload or restart with a mistake fails, shows it, and the jobs run on"
jobs=$(jobs_pids)
bad_file
for verb in reload force-reload restart try-restart; do
  must_end 1 script "$verb"
  must_say 'did you mean .user.'
done
must [ "$(jobs_pids)" = "$jobs" ]
must [ "$(pmtr_pid)" = "$pmtr" ]
good_file
must_end 0 script reload
must [ "$(jobs_pids)" = "$jobs" ]

step "a stop waits until all jobs have ended"
ends=$(slow_ended)
must_end 0 script stop
must no_pmtr
must no_jobs
must [ "$(slow_ended)" = $((ends + 1)) ]
must_end 0 script stop
must_end 3 script status
must_end 7 script reload
must_end 0 script try-restart
must no_pmtr

step "a second stop takes no time from the jobs, and a start waits for the end"
must_end 0 script start
soon 10 one_each
soon 10 inside test -s /var/tmp/slow.started
ends=$(slow_ended)
inside sh -c '/etc/init.d/pmtr stop >/dev/null 2>&1 &'
soon 10 inside test -s /run/pmtr.pid.stop
must_end 0 script status
must_say 'is stopping its jobs'
inside sh -c '/etc/init.d/pmtr stop >/dev/null 2>&1 &'
must_end 0 script start
must [ "$(slow_ended)" = $((ends + 1)) ]
soon 10 one_each
must_end 0 script stop
must no_pmtr
must_end 1 inside test -e /run/pmtr.pid.stop

step "without /proc nothing is claimed"
must_end 4 inside unshare --mount sh -c 'mount -t tmpfs none /proc && /etc/init.d/pmtr status'
must_end 1 inside unshare --mount sh -c 'mount -t tmpfs none /proc && /etc/init.d/pmtr stop'

step "a start that fails says why"
bad_file
forget_last_good
must inside rm /var/tmp/slow.env
must_end 1 script start
must_say 'did you mean .user.'
must_say '^pmtr: FAILED to parse'
must_end 3 script status
good_file
# What a terminal has is nothing that jobs are to depend on.
must_end 0 inside FROM_A_TERMINAL=1 /etc/init.d/pmtr restart
soon 10 one_each
soon 10 inside test -s /var/tmp/slow.env
must_end 1 inside grep -e FROM_A_TERMINAL -e OLDPWD /var/tmp/slow.env

step "a number that has gone to another program means nothing"
crash
must_end 1 script status
must_end 1 as_user /etc/init.d/pmtr status
stranger=$(inside sh -c 'sleep 4000 >/dev/null 2>&1 & echo $!')
inside sh -c "echo $stranger >/run/pmtr.pid"
must_end 1 script status
must_end 0 script stop
must_end 7 script reload
# The same for a pmtr that holds another file.
inside sh -c ': >/tmp/other.conf; pmtr -c /tmp/other.conf -p /tmp/other.pid; cat /tmp/other.pid >/run/pmtr.pid'
must_end 1 script status
must_end 0 script stop
must inside kill "$(inside cat /tmp/other.pid)"
soon 30 no_pmtr
must inside kill "$stranger"
# And for a process of another user that has the name and the file.
inside sh -c 'cat >/tmp/stranger' <<'STRANGER'
exec 9</run/pmtr.pid
printf pmtr >/proc/$$/comm
while :; do sleep 1; done
STRANGER
stranger=$(inside sh -c 'setpriv --reuid=65534 --regid=65534 --clear-groups sh /tmp/stranger >/dev/null 2>&1 & echo $!')
inside sh -c "echo $stranger >/run/pmtr.pid"
soon 10 inside grep -qx pmtr "/proc/$stranger/comm"
must_end 1 script status
must_end 0 script stop
must inside kill "$stranger"
must inside rm /tmp/stranger

step "after a crash the next start has each job once"
must_end 0 script start
soon 20 one_each
for _ in 1 2 3 4 5; do
  crash
  must_end 0 script start
  soon 20 one_each
done
# Those who repair a machine may do it this way.
crash
must make_in_box install
soon 20 one_each

step "a start while the file has a mistake begins with what was applied last"
must [ "$(inside stat -c '%a %U' /var/lib/pmtr)" = '700 root' ]
must [ "$(inside stat -c '%a %U' /var/lib/pmtr/last-good.conf)" = '600 root' ]
crash
bad_file
must_end 0 script start
must_say 'did you mean .user.'
must_say 'NOTE: using the LAST GOOD job config of '
soon 20 one_each
jobs=$(jobs_pids)
must_end 1 script restart
must_end 1 script reload
good_file
must_end 0 script reload
must [ "$(jobs_pids)" = "$jobs" ]

step "make install over a pmtr that runs restarts it once"
before=$(pmtr_pid)
starts=$(starts_of_slow)
must make_in_box install
must [ "$(pmtr_pid)" != "$before" ]
soon 10 one_each
more_starts() { [ "$(starts_of_slow)" = $((starts + 1)) ]; }
soon 10 more_starts

step "make install START=no leaves it alone, and so does one while the file has mistakes"
before=$(pmtr_pid)
must make_in_box install START=no
bad_file
must_end 2 make_in_box install
must_say 'did you mean .user.'
must [ "$(pmtr_pid)" = "$before" ]
good_file

step "one that was started by hand stays the only one"
must_end 0 script stop
must inside pmtr -vc /etc/pmtr.conf
hand=$(pmtr_pid)
must make_in_box install
must_say "started by hand is running \[$hand\]"
must [ "$(pmtr_pid)" = "$hand" ]
must inside kill "$hand"
soon 30 no_pmtr

step "in the manner of Red Hat: no functions of a distribution, and a lock file"
short_file
must inside mv /lib/lsb /lib/lsb.away
must inside mkdir -p /var/lock/subsys
# Debian's shell, that of Red Hat, and a small one.
for shell in dash bash busybox; do
  must inside ln -sf "$shell" /bin/sh
  must_end 0 script start
  must_say 'Starting: pmtr done'
  must inside test -e /var/lock/subsys/pmtr
  must_end 0 script status
  crash
  inside rm /run/pmtr.pid
  must_end 2 script status
  must_end 0 script start
  must_end 0 script reload
  must_end 0 script condrestart
  must_end 0 script stop
  must_end 3 script status
  must_end 2 script frobnicate
done
must inside ln -sf dash /bin/sh
must inside mv /lib/lsb.away /lib/lsb
must inside rmdir /var/lock/subsys
good_file

step "settings of the machine"
must inside sh -c 'echo PMTR_OPTS=-vv >/etc/default/pmtr; cp /etc/pmtr.conf /etc/other.conf'
must inside sh -c 'echo PMTR_CONF=/etc/other.conf >>/etc/default/pmtr'
must_end 0 script start
must [ "$(inside ps -o args= -p "$(pmtr_pid)")" = \
  '/usr/bin/pmtr -c /etc/other.conf -p /run/pmtr.pid --last-good /var/lib/pmtr/last-good.conf -vv' ]
must_end 0 script stop
must inside rm /etc/default/pmtr /etc/other.conf

step "started at boot; at shutdown each job ends in its time"
must_end 0 script start
soon 10 one_each
soon 10 inside test -s /var/tmp/slow.started
inside rm -f /var/tmp/slow.ended
box stop
box start
must [ "$(slow_ended)" = 1 ]
must script status
soon 10 one_each

step "what can't be done well is refused, and nothing is changed"
before=$(pmtr_pid)
for words in PREFIX=opt 'PREFIX=/opt/my pmtr' 'SYSCONFDIR=/etc|x' START=0; do
  must_end 2 make_in_box install "$words"
  must_say 'must be\|can have\|must begin'
done
for verb in install uninstall; do
  must_end 2 as_user make -C /srv/pmtr "$verb"
  must_say "cannot write to .*: run this as root"
done
must inside unshare --mount sh -c 'mount --bind /usr /usr && mount -o remount,bind,ro /usr &&
  ! make -C /srv/pmtr uninstall'
must [ "$(pmtr_pid)" = "$before" ]

step "what another PREFIX has installed is left alone"
must make_in_box install PREFIX=/opt/pmtr/ INIT=none
must make_in_box uninstall PREFIX=/opt/pmtr/
must script status
must [ "$(pmtr_pid)" = "$before" ]
must [ "$(runlevel_links | grep -c 'S[0-9]*pmtr')" = 4 ]

step "make uninstall leaves nothing but the file"
must make_in_box uninstall
must no_pmtr
must no_jobs
must [ -z "$(runlevel_links)" ]
must no_new_files
must inside test -s /etc/pmtr.conf
must make_in_box uninstall

step "a script that was left without its program"
must inside cp /srv/pmtr/initscripts/pmtr.init /etc/init.d/pmtr
must_end 5 script start
must_end 0 script stop
must inside rm /etc/init.d/pmtr

finish
