# Completion for pmtr-ctl in fish. It runs no pmtr.

# The names of the jobs, as far as one may read them.
function __pmtr_ctl_jobs
    set -l file /etc/pmtr.conf
    # Only what is a file can be read without waiting.
    test -f $file -a -r $file; or return 0
    begin
        read -z -l text <$file
        # A line that a backslash joins to the one before begins no option.
        string replace -ra '(?m)^([^#\n]*)\\\\\r?\n' '$1' -- $text | string split \n |
            string replace -rf '^[ \t]*name[ \t]+(?:"((?:[^"\\\\]|\\\\.)+)"|([^ \t\r"#][^ \t\r]*)).*' '$1$2' |
            string replace -ra '^(.*)\\\\(["\\\\])' '$1$2'
    end 2>/dev/null
end

# The verbs and jobs before the cursor, one a line.
function __pmtr_ctl_orders
    set -l awaited no
    set -l ended no
    for word in (commandline -opc)[2..-1]
        if test $awaited = yes
            set awaited no
        else if test $ended = yes
            string join -- \n $word
        else if test "$word" = --
            set ended yes
        else if string match -qr '^-' -- $word
            string match -qr '^-v*[sp]$' -- $word; and set awaited yes
        else
            string join -- \n $word
        end
    end
end

# The words that can stand at the cursor: verbs, and behind each of them the jobs that it is for.
function __pmtr_ctl_words
    set -l orders (__pmtr_ctl_orders)
    if not contains -- "$orders[-1]" enable disable
        printf '%s\t%s\n' enable 'start jobs again' disable 'stop jobs and keep them down'
    end
    set -q orders[1]; or return 0
    for job in (__pmtr_ctl_jobs)
        # It would be read as an option.
        string match -q -- '-*' $job; and not contains -- -- (commandline -opc); and continue
        contains -- $job $orders; or printf '%s\t%s\n' $job job
    end
end

# What comes behind these is never looked at.
set -l more '__fish_not_contain_opt -s h help version'

complete -c pmtr-ctl -f
complete -c pmtr-ctl -n $more -a '(__pmtr_ctl_words)'
complete -c pmtr-ctl -n $more -s v -d 'print to stderr what is sent, from where and to where'
complete -c pmtr-ctl -n $more -s s -x -a 'localhost (__fish_print_hostnames)' -d 'the host that pmtr runs on, default 127.0.0.1'
complete -c pmtr-ctl -n $more -s p -x -d 'the UDP port that pmtr listens on, default 10000'
complete -c pmtr-ctl -n $more -s h -l help -d 'show this help'
complete -c pmtr-ctl -n $more -l version -d 'show the version'
