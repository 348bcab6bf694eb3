#!/bin/sh
# pmtr installed, booted, crashed, upgraded and removed under a real systemd.
kind=systemd
# shellcheck source=tests/boxes/steps.sh
. "$(dirname "$0")/steps.sh"

tell_log() { inside systemctl status --no-pager --lines=25 pmtr; }
main_pid() { inside systemctl show -p MainPID --value pmtr; }
active() { inside systemctl --quiet is-active pmtr; }
as_user() { inside setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
journal() { inside journalctl --no-pager -q -u pmtr -o cat "$@"; }

prepare make man-db

install_below_chroot

step "make install: the service runs"
must make_in_box install
must_say 'runs as a service'
must inside service pmtr status
must inside systemctl --quiet is-enabled pmtr
must [ "$(inside stat -c '%a %s' /etc/pmtr.conf)" = '600 0' ]

step "systemd has nothing to complain of in the unit"
must_end 0 inside systemd-analyze verify /usr/lib/systemd/system/pmtr.service
[ ! -s "$work/said" ] || { cat "$work/said" >&2; failed "systemd-analyze verify said something"; }

step "a file that is saved is applied"
good_file
soon 10 one_each
soon 10 inside test -s /var/tmp/slow.started

step "no job sees what is between systemd and pmtr"
must inside sh -c '! grep -e ^NOTIFY_SOCKET -e ^WATCHDOG_ -e ^LISTEN_ -e ^STATE_DIRECTORY /var/tmp/slow.env'

step "anybody sees how many jobs run"
soon 10 as_user sh -c 'systemctl status --no-pager pmtr | grep "Status: .4 jobs, 4 running"'

step "a line of the log is there once"
must_end 0 journal
[ "$(grep -c 'started job one ' "$work/said")" = 1 ] || failed "a line is there more than once, or not at all"

step "a reload with a mistake fails, shows it, and the jobs run on"
jobs=$(jobs_pids)
bad_file
must_end 1 inside systemctl reload pmtr
must_end 0 inside systemctl status pmtr
must_say 'did you mean .user.'
must [ "$(jobs_pids)" = "$jobs" ]
good_file
must_end 0 inside systemctl reload pmtr
must [ "$(jobs_pids)" = "$jobs" ]

step "pmtr is killed 100 times"
must inside sh /srv/pmtr/inside/crash.sh 100 '/bin/sleep 100001' '/bin/sleep 100002' '/bin/sleep 100003'
sed 's/^/       /' "$work/said"
must active

step "neither a crash nor a boot leaves the jobs down while the file has a mistake"
must [ "$(inside stat -c '%a %U' /var/lib/pmtr)" = '700 root' ]
must [ "$(inside stat -c '%a %U' /var/lib/pmtr/last-good.conf)" = '600 root' ]
says_last_good() { inside systemctl status --no-pager pmtr | grep 'Status: .*, using the last good configuration'; }
bad_file
crashed=$(main_pid)
must inside kill -KILL "$crashed"
is_back() { [ "$(main_pid)" != "$crashed" ] && active && one_each && says_last_good; }
soon 20 is_back
must_end 0 journal
must_say 'NOTE: using the LAST GOOD job config of '
must_say 'did you mean .user.'
box stop
box start
soon 20 active
soon 10 one_each
must says_last_good
must_end 1 inside systemctl reload pmtr
good_file
mended() { one_each && ! says_last_good; }
soon 10 mended

step "a pmtr that hangs is replaced"
inside mkdir -p /run/systemd/system/pmtr.service.d
inside sh -c 'printf "[Service]\nWatchdogSec=1\n" >/run/systemd/system/pmtr.service.d/short.conf'
must inside systemctl daemon-reload
must inside systemctl restart pmtr
hanging=$(main_pid)
must inside kill -STOP "$hanging"
replaced() { [ "$(main_pid)" != "$hanging" ] && active && one_each; }
soon 20 replaced
must inside rm -r /run/systemd/system/pmtr.service.d

step "make install over a pmtr that runs restarts it once"
before=$(main_pid)
starts=$(starts_of_slow)
must make_in_box install
must [ "$(main_pid)" != "$before" ]
soon 10 one_each
more_starts() { [ "$(starts_of_slow)" = $((starts + 1)) ]; }
soon 10 more_starts
must_end 0 inside systemctl show -p NRestarts --value pmtr
must_say '^0$'

step "make install START=no leaves it alone, and so does one while the file has mistakes"
before=$(main_pid)
must make_in_box install START=no
bad_file
must_end 2 make_in_box install
must_say 'did you mean .user.'
must [ "$(main_pid)" = "$before" ]
good_file

step "the service ends its jobs in their time, and make install starts it again"
ends=$(slow_ended)
must inside service pmtr stop
must no_jobs
must [ "$(slow_ended)" = $((ends + 1)) ]
must make_in_box install
soon 10 one_each

step "make install after a start that failed"
bad_file
forget_last_good
must_end 1 inside systemctl restart pmtr
must_end 0 inside systemctl show -p Result --value pmtr
must_say exit-code
good_file
must make_in_box install
soon 10 one_each

step "make install tells why the service does not start"
must inside systemctl stop pmtr
bad_file
forget_last_good
must_end 2 make_in_box install
must_say 'did you mean .user.'
good_file
must inside systemctl start pmtr

step "one that was started by hand stays the only one"
must inside systemctl stop pmtr
must inside pmtr -c /etc/pmtr.conf
hand=$(pmtr_pid)
must make_in_box install
must_say "started by hand is running \[$hand\]"
must [ "$(pmtr_pid)" = "$hand" ]
must inside kill "$hand"
soon 30 no_pmtr
must inside systemctl start pmtr

step "the example of a drop-in lets the jobs run"
must inside mkdir -p /run/systemd/system/pmtr.service.d
must inside cp /usr/share/doc/pmtr/hardening.conf /run/systemd/system/pmtr.service.d
must inside systemctl daemon-reload
must inside systemctl restart pmtr
soon 10 one_each
must [ "$(inside ps -o user=,ni= -p "$(inside pgrep -x -f '/bin/sleep 100002')" | tr -s ' ')" = 'nobody 5' ]
must_end 0 inside systemd-analyze security --no-pager pmtr.service
sed -n 's/^→ /       /p' "$work/said"
must inside rm -r /run/systemd/system/pmtr.service.d
must inside systemctl daemon-reload
# A pmtr with /var/tmp of its own hid from us what this job notes there.
must inside systemctl restart pmtr
soon 10 one_each

step "started at boot; at shutdown each job ends in its time"
soon 10 inside test -s /var/tmp/slow.started
inside rm -f /var/tmp/slow.ended
box stop
box start
must [ "$(slow_ended)" = 1 ]
soon 20 active
soon 10 one_each

step "what another PREFIX has installed is left alone"
before=$(main_pid)
must make_in_box install PREFIX=/opt/pmtr START=no
must make_in_box uninstall PREFIX=/opt/pmtr
must [ "$(main_pid)" = "$before" ]
must inside systemctl --quiet is-enabled pmtr

step "in a place that systemd does not search"
must make_in_box uninstall
must make_in_box install PREFIX=/opt/pmtr
must active
must [ "$(inside readlink "/proc/$(main_pid)/exe")" = /opt/pmtr/bin/pmtr ]
must make_in_box uninstall PREFIX=/opt/pmtr
must no_pmtr
must no_new_files
must make_in_box install

step "make uninstall leaves nothing but the file"
must make_in_box uninstall
must no_pmtr
must no_jobs
must no_new_files
must inside test -s /etc/pmtr.conf
must_end 0 inside systemctl list-units --all --no-legend 'pmtr*'
[ ! -s "$work/said" ] || { cat "$work/said" >&2; failed "systemd still knows of pmtr"; }
must make_in_box uninstall

finish
