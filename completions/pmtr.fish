# Completion for pmtr in fish.

# The directories that go on with what was typed, be it an argument of its own or behind the = of an option.
function __pmtr_directories
    __fish_complete_directories (commandline -ct | string replace -r '^--[^=]*=' '') ''
end

# What comes behind these is never looked at.
set -l more '__fish_not_contain_opt -s h help version'

complete -c pmtr -f
complete -c pmtr -n $more -s F -d 'stay in the foreground, log to stderr as well'
complete -c pmtr -n $more -s t -d 'test the configuration, tell its mistakes, end with status 0'
complete -c pmtr -n $more -s v -d 'more in the log; -vv also shows what the parser saw'
complete -c pmtr -n $more -s c -r -F -d 'the configuration, default /etc/pmtr.conf'
complete -c pmtr -n $more -s p -r -F -d 'write the process id to FILE, refuse if another pmtr has it'
complete -c pmtr -n $more -l check -d 'test like -t, end with status 1 when there is a mistake'
complete -c pmtr -n $more -l strict -d 'with --check, exit 1 for warnings as well'
complete -c pmtr -n $more -l state -x -a '(__pmtr_directories)' -d 'keep the state file in DIR, default /run/pmtr for root'
complete -c pmtr -n $more -l last-good -r -F -d 'keep the last good text in FILE, start from it if need be'
complete -c pmtr -n $more -s h -l help -d 'show this text'
complete -c pmtr -n $more -l version -d 'show the version'
