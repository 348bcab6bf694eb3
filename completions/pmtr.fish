# Completion for pmtr in fish.

# The directories that go on with what was typed, be it an argument of its own or behind the = of an option.
function __pmtr_directories
    __fish_complete_directories (commandline -ct | string replace -r '^--[^=]*=' '') ''
end

# What comes behind these is never looked at.
set -l more '__fish_not_contain_opt -s h help version'

complete -c pmtr -f
complete -c pmtr -n $more -s F -d 'stay in the foreground and log to stderr as well'
complete -c pmtr -n $more -s t -d 'check the configuration, print errors, exit 0'
complete -c pmtr -n $more -s v -d 'verbose; -vv also prints the parsed configuration'
complete -c pmtr -n $more -s c -r -F -d 'the configuration file, default /etc/pmtr.conf'
complete -c pmtr -n $more -s p -r -F -d 'write the process id to FILE, fail if another pmtr has it'
complete -c pmtr -n $more -l check -d 'check like -t, but exit 1 if there are errors'
complete -c pmtr -n $more -l strict -d 'with --check, exit 1 for warnings as well'
complete -c pmtr -n $more -l print -d 'print the configuration with all that it includes'
complete -c pmtr -n $more -l state -x -a '(__pmtr_directories)' -d 'keep the state file in DIR, default /run/pmtr for root'
complete -c pmtr -n $more -l last-good -r -F -d 'keep the last good configuration in FILE as a fallback'
complete -c pmtr -n $more -s h -l help -d 'show this help'
complete -c pmtr -n $more -l version -d 'show the version'
