#!/bin/sh
# The Debian packages first.deb, next.deb (a higher version) and broken.deb (fails to upgrade) in a box.
#
#   deb-in-box.sh systemd|sysvinit DIRECTORY-OF-THE-PACKAGES
#
# shellcheck disable=SC2016 # Expanded by dpkg and sed, not here.
kind=$1
packages=$2
# shellcheck source=tests/boxes/steps.sh
. "$(dirname "$0")/steps.sh"

tell_log() {
  if [ "$kind" = systemd ]; then inside systemctl status --no-pager --lines=25 pmtr; fi
  inside ps -eo pid,ppid,args
}
# Nobody is there who could answer a question.
dpkg_in_box() { inside dpkg "$@" </dev/null; }
put_in() { dpkg_in_box -i "/srv/packages/$1.deb"; }
enabled() {
  if [ "$kind" = systemd ]; then
    inside systemctl --quiet is-enabled pmtr
  else
    [ "$(inside sh -c 'ls -d /etc/rc?.d/S??pmtr' | wc -l)" = 4 ]
  fi
}
running() { inside service pmtr status; }
stopped() { ! running; }
has_started() { [ "$(starts_of_slow)" = "$1" ]; }
file_state() { inside stat -c '%i %a %U %s %y' /etc/pmtr.conf; }
conffile_known() { inside dpkg-query -W -f='${Conffiles}\n' pmtr | grep -q '^ /etc/pmtr.conf '; }
# What dpkg, the log and caches note down about any package is theirs. Directories are left out when $1 is `files`.
list_all() {
  inside sh -c '[ "$1" != files ] || set -- ! -type d; find /etc /usr /var /opt /run -xdev \
    ! -path "/run/systemd/*" ! -path "/run/lock*" ! -path "/run/user*" ! -path "/run/udev*" ! -path "/run/utmp" \
    ! -path "/run/log/*" ! -path "/run/dbus*" ! -path "/run/runit*" ! -path "/var/log/*" \
    ! -path "/var/cache/*" ! -path "/var/tmp/*" \
    ! -path "/var/lib/systemd/timers*" ! -path "/var/lib/systemd/random-seed" ! -path "/var/lib/systemd/catalog*" \
    ! -path "/var/lib/private*" ! -path "/etc/init.d/.depend.*" ! -path "/usr/share/*cache*" \
    ! -path "/var/lib/dpkg/*-old" ! -path "/var/lib/dpkg/lock*" ! -path "/var/lib/dpkg/triggers/*" "$@" | sort' sh "$@"
}
same_files() {
  list_all "$@" >"$work/after"
  diff "$work/before${1:-}" "$work/after"
}
# Restarted exactly once since there were $1 starts, and each job is there once.
restarted_once_since() {
  soon 30 one_each
  soon 10 has_started $(($1 + 1))
  must running
}

prepare make
mkdir "$work/packages"
cp "$packages"/*.deb "$work/packages"
box put "$work/packages" /srv/packages
# That of the machine, below which a box may stand.
inside rm -f /usr/sbin/policy-rc.d
# The index of the manual takes seconds, each time.
inside rm -f /var/lib/man-db/auto-update
list_all >"$work/before"
list_all files >"$work/beforefiles"

step "put in: enabled and running"
must put_in first
must_not_say 'pmtr: '
must running
must enabled
must conffile_known
must [ "$(inside stat -c '%a %U %s' /etc/pmtr.conf)" = '600 root 0' ]
good_file
soon 10 one_each
soon 10 has_started 1
must inside chmod 640 /etc/pmtr.conf
state=$(file_state)

step "a higher version: restarted once, no question, the file as it was"
before=$(pmtr_pid)
must put_in next
must_not_say 'onfiguration file'
must [ "$(pmtr_pid)" != "$before" ]
restarted_once_since 1
must [ "$(file_state)" = "$state" ]

step "a lower version likewise"
must put_in first
must_not_say 'onfiguration file'
restarted_once_since 2
must [ "$(file_state)" = "$state" ]

step "a version that fails to be put in leaves the running one alone"
before=$(pmtr_pid)
must_end 1 put_in broken
must_say 'this one refuses'
must [ "$(pmtr_pid)" = "$before" ]
must one_each
must [ "$(inside dpkg-query -W -f='${Status}' pmtr)" = 'install ok installed' ]

step "while the file has mistakes nothing is restarted, and it is said"
bad_file
before=$(pmtr_pid)
must put_in next
must_say 'NOT restarted'
must_say 'did you mean .user.'
must [ "$(pmtr_pid)" = "$before" ]
must one_each
good_file
must inside service pmtr restart
restarted_once_since 3

step "who was stopped stays stopped, who was disabled stays disabled"
must inside service pmtr stop
must no_jobs
if [ "$kind" = systemd ]; then must inside systemctl disable pmtr; else must inside update-rc.d pmtr disable; fi
must put_in first
must no_pmtr
must_end 1 enabled
if [ "$kind" = systemd ]; then must inside systemctl enable pmtr; else must inside update-rc.d pmtr enable; fi
must enabled
must put_in next
must no_pmtr
must inside service pmtr start
restarted_once_since 4

step "a removal that is given up has it running again"
must inside sed -i '$a exit 1' /var/lib/dpkg/info/pmtr.prerm
must_end 1 dpkg_in_box -r pmtr
restarted_once_since 5
must inside sed -i '$d' /var/lib/dpkg/info/pmtr.prerm

step "removed: stopped, the jobs gone, the file kept; nothing of it at boot"
state=$(file_state)
must dpkg_in_box -r pmtr
must no_pmtr
must no_jobs
must inside test -s /etc/pmtr.conf
must_end 1 inside test -e /usr/bin/pmtr
box stop
box start
must no_pmtr
if [ "$kind" = systemd ]; then must_end 4 inside systemctl status pmtr; fi

step "put in again: it finds its file"
must put_in first
must enabled
restarted_once_since 6
must [ "$(file_state)" = "$state" ]

if [ "$kind" = systemd ]; then
  step "dpkg that is killed while it restarts does not take the service for one that was started by hand"
  starts=$(starts_of_slow)
  must inside sh -c 'dpkg -i /srv/packages/next.deb </dev/null >/dev/null 2>&1 & dpkg=$!
    until [ "$(systemctl is-active pmtr)" = deactivating ]; do sleep 0.05; done
    kill -KILL "$dpkg"'
  must dpkg_in_box --configure -a
  must_not_say 'by hand'
  restarted_once_since "$starts"
fi

step "put in while the file has mistakes: they are told"
must dpkg_in_box -r pmtr
bad_file
forget_last_good
must put_in first
must_say 'did you mean .user.'
must no_pmtr
good_file
must inside service pmtr start

step "purged: nothing left"
must dpkg_in_box -P pmtr
must no_pmtr
must no_jobs
must same_files
must [ -z "$(inside find /run -name '*pmtr*')" ]
if [ "$kind" = systemd ]; then
  must_end 0 inside systemctl list-units --all --no-legend 'pmtr*'
  [ ! -s "$work/said" ] || { cat "$work/said" >&2; failed "systemd still knows of pmtr"; }
fi

step "where policy-rc.d says no, nothing is started"
inside sh -c 'printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d'
must put_in first
must no_pmtr
must enabled
must inside rm /usr/sbin/policy-rc.d
must dpkg_in_box -P pmtr
must same_files

step "over what make install has put in: the file as it was, no question, restarted once"
must make_in_box install
good_file
soon 10 one_each
starts=$(starts_of_slow)
state=$(file_state)
must inside sh -c 'if [ -e /etc/init.d/pmtr ]; then echo "# older" >>/etc/init.d/pmtr; fi'
must put_in first
must_say 'already running, without this package'
must_say 'pmtr.conf already exists'
must_not_say 'onfiguration file'
restarted_once_since "$starts"
must [ "$(file_state)" = "$state" ]
must conffile_known
must_end 1 inside test -e /etc/pmtr.conf.dpkg-divert
must put_in next
restarted_once_since $((starts + 1))
must [ "$(file_state)" = "$state" ]
must dpkg_in_box -P pmtr
# Pages of the manual, for example, which the package has compressed, under another name.
must make_in_box uninstall
must same_files files

step "after make uninstall START=no the pmtr that still runs is restarted once"
must make_in_box install
good_file
soon 10 one_each
starts=$(starts_of_slow)
must make_in_box uninstall START=no
must one_each
must put_in first
restarted_once_since "$starts"
must dpkg_in_box -P pmtr
must same_files files

step "beside one that was started by hand no second one is started"
good_file
inside mkdir /srv/bin
inside cp /srv/pmtr/target/release/pmtr /srv/bin/pmtr
must inside /srv/bin/pmtr
soon 10 one_each
hand=$(pmtr_pid)
starts=$(starts_of_slow)
must put_in first
must_say 'is NOT started'
must_say "kill $hand"
must [ "$(pmtr_pid)" = "$hand" ]
must one_each
must has_started "$starts"
must enabled
must stopped
must inside kill "$hand"
soon 30 no_pmtr
must inside service pmtr start
restarted_once_since "$starts"
must dpkg_in_box -P pmtr
must same_files files

finish
