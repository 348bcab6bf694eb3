# Completion for pmtr-rptserver in fish.

# The address as it was typed, with each network interface, once there is an @ behind it.
function __pmtr_rptserver_addresses
    set -l typed (commandline -ct)
    string match -q '*@*' -- $typed; or return 0
    set -l address (string replace -r '^-v*a' '' -- $typed | string replace -r '@.*' '')
    for link in /sys/class/net/*
        printf '%s@%s\n' $address (string replace -r '.*/' '' -- $link)
    end
end

# What comes behind these is never looked at.
set -l more '__fish_not_contain_opt -s h help version'

complete -c pmtr-rptserver -f
complete -c pmtr-rptserver -n $more -s v -d 'more in the log'
complete -c pmtr-rptserver -n $more -s a -x -a '(__pmtr_rptserver_addresses)' -d 'receive here only, or join this group: ADDRESS[@INTERFACE]'
complete -c pmtr-rptserver -n $more -s p -x -d 'the UDP port to which the reports come'
complete -c pmtr-rptserver -n $more -s f -r -F -d 'keep the status of all hosts in FILE, for people'
complete -c pmtr-rptserver -n $more -l json -r -F -d 'the same as JSON'
complete -c pmtr-rptserver -n $more -l metrics -r -F -d 'the same as text for Prometheus'
complete -c pmtr-rptserver -n $more -l stale-after -x -a '30s 60s 5m 1h 1d' -d 'a host unheard for TIME is silent, default 60s; 90, 5m, 1d'
complete -c pmtr-rptserver -n $more -l on-stale -r -F -d 'run COMMAND when a host falls silent and when it is back'
complete -c pmtr-rptserver -n $more -l once -x -d 'end as soon as N hosts have reported'
complete -c pmtr-rptserver -n $more -s h -l help -d 'show this text'
complete -c pmtr-rptserver -n $more -l version -d 'show the version'
