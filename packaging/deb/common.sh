# What the scripts of the package share; make deb puts it into each of them.
# shellcheck shell=sh

say() { echo "pmtr: $*" >&2; }

# Nothing is started or asked in a file system that is only being filled.
live() { [ -z "${DPKG_ROOT:-}" ]; }
systemd() { [ -d /run/systemd/system ]; }

# Whether the service runs, or is on its way.
runs() {
  if systemd; then
    case $(systemctl show --property=ActiveState --value pmtr.service 2>/dev/null) in
      active | activating | reloading) ;;
      *) return 1 ;;
    esac
  else
    [ -x /etc/init.d/pmtr ] && /etc/init.d/pmtr status >/dev/null 2>&1
  fi
}

# Whether systemd is ending it: in a restart whose package manager was interrupted, for one.
is_ending() { systemd && [ "$(systemctl show --property=ActiveState --value pmtr.service 2>/dev/null)" = deactivating ]; }

# Whether the process with the directory $1 in /proc has the name of pmtr and is root's.
named_pmtr() {
  newline='
'
  case $(cat "$1/status" 2>/dev/null) in
    Name:?pmtr"$newline"*"$newline"Uid:?0?0?0?0"$newline"*) ;;
    *) return 1 ;;
  esac
}

# Prints the process ids of those pmtr that run with the file of the service, in our own container and below our own
# root. While the service does not run, somebody else has started them.
# shellcheck disable=SC3013 # Every sh of Debian knows -ef.
running() {
  for process in /proc/[0-9]*; do
    if named_pmtr "$process" && [ "$process/root" -ef / ] &&
      [ "$process/ns/pid" -ef /proc/self/ns/pid ] && [ "$(conf_of "$process")" -ef /etc/pmtr.conf ]; then
      printf '%s ' "${process#/proc/}"
    fi
  done
}

# Prints the file with the jobs of a running pmtr, from the words of its command line; nothing if it has just ended.
conf_of() {
  tr '\0' '\n' 2>/dev/null <"$1/cmdline" | awk -v cwd="$1/cwd" '
    BEGIN { conf = "/etc/pmtr.conf" }
    NR == 1 { next }
    wanted != "" { if (wanted == "conf") conf = $0; wanted = ""; next }
    /^-[Ftv]*c$/ { wanted = "conf"; next }
    /^-[Ftv]*p$/ || $0 == "--state" || $0 == "--last-good" { wanted = "other"; next }
    /^-[Ftv]*c/ { sub(/^-[Ftv]*c/, ""); conf = $0 }
    END { if (NR > 0) print conf ~ /^\// ? conf : cwd "/" conf }'
}
