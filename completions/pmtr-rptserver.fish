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
complete -c pmtr-rptserver -n $more -s v -d 'verbose'
complete -c pmtr-rptserver -n $more -s a -x -a '(__pmtr_rptserver_addresses)' -d 'receive on this address or group: ADDRESS[@INTERFACE]'
complete -c pmtr-rptserver -n $more -s p -x -d 'the UDP port to receive reports on'
complete -c pmtr-rptserver -n $more -s f -r -F -d 'write the status of all hosts to FILE as text'
complete -c pmtr-rptserver -n $more -l json -r -F -d 'write it to FILE as JSON'
complete -c pmtr-rptserver -n $more -l metrics -r -F -d 'write it to FILE as Prometheus metrics'
complete -c pmtr-rptserver -n $more -l stale-after -x -a '30s 60s 5m 1h 1d' -d 'a host is silent after TIME (90, 5m, 1d), default 60s'
complete -c pmtr-rptserver -n $more -l on-stale -r -F -d 'run COMMAND when a host falls silent or comes back'
complete -c pmtr-rptserver -n $more -l once -x -d 'exit when N hosts have reported'
complete -c pmtr-rptserver -n $more -s h -l help -d 'show this help'
complete -c pmtr-rptserver -n $more -l version -d 'show the version'
