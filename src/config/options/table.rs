//! The table of all options. A new option is a row here, a field of what it sets, and the code that makes use of it.

use super::{ANY, Block, Changes, Inside, OptionRow, Print, Scope, rules, surroundings};
use crate::config::build::{Direction, set};
use crate::config::{labels, values};
use Block::{Always, Instead};
use Print::{File, Job};
use std::ffi::CStr;

/// An option of a job with one argument, given once: most are like this.
pub(super) const JOB: OptionRow = OptionRow {
    key: Key::Name,
    words: &[],
    scope: Scope::Job,
    arguments: "",
    count: (1, 1),
    block: Block::Never,
    one_line: true,
    blanks: false,
    repeatable: false,
    required: false,
    changes: Changes::Process,
    also: &[],
    help: "",
    take: |_, _| Ok(()),
    print: Print::Nothing,
};

/// An option that says when a process ends and when the next one starts.
pub(super) const RULE: OptionRow = OptionRow { changes: Changes::Rules, ..JOB };

/// A repeatable option of the file with one argument.
const FILE: OptionRow = OptionRow { scope: Scope::File, repeatable: true, changes: Changes::Rules, ..JOB };

/// Makes the table and the names of its rows.
macro_rules! rows {
    ($($key:ident = $row:expr,)*) => {
        /// Names a row of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Key {
            $($key,)*
        }

        /// How many options there are.
        pub const COUNT: usize = [$(Key::$key,)*].len();

        /// All options, in the order in which they are printed.
        pub static TABLE: [OptionRow; COUNT] = [$(OptionRow { key: Key::$key, ..$row },)*];
    };
}

rows! {
    Job = OptionRow {
        words: &["job"],
        arguments: "{ ... }",
        count: (0, 0),
        block: Always(Inside::Options(Scope::Job)),
        one_line: false,
        also: &["program", "service", "process", "task"],
        help: "a program to keep running; one option a line between the braces",
        ..FILE
    },
    Include = OptionRow {
        words: &["include"],
        arguments: "PATTERN",
        also: &["import", "source"],
        help: "read the files that match in place of this line",
        take: |build, given| build.file.include(given),
        ..FILE
    },
    Defaults = OptionRow {
        words: &["defaults"],
        arguments: "{ ... }",
        count: (0, 0),
        block: Always(Inside::Options(Scope::Defaults)),
        one_line: false,
        also: &["default"],
        help: "options of a job that hold for all jobs below",
        ..FILE
    },
    Template = OptionRow {
        words: &["template"],
        arguments: "NAME { ... }",
        block: Always(Inside::Options(Scope::Template)),
        one_line: false,
        also: &["class"],
        help: "options of a job, for the jobs that are like NAME",
        take: |build, given| build.template(given),
        ..FILE
    },
    Variable = OptionRow {
        words: &["variable"],
        arguments: "NAME [TEXT]",
        count: (1, 2),
        also: &["var", "let", "define"],
        help: "%{NAME} is this variable of the environment of pmtr, or else TEXT",
        take: |build, given| build.variables.declare(given),
        ..FILE
    },
    ListenOn = OptionRow {
        words: &["listen", "on"],
        arguments: "udp://HOST:PORT",
        also: &["bind", "control"],
        help: "take enable and disable commands from this address",
        take: |build, given| build.file.endpoint(Direction::Listen, given),
        print: File(|config, out| config.listen.iter().for_each(|endpoint| out.endpoint(endpoint))),
        ..FILE
    },
    ReportTo = OptionRow {
        words: &["report", "to"],
        arguments: "udp://HOST:PORT[@INTERFACE]",
        also: &["send", "notify"],
        help: "send the state of all jobs there every 10 seconds",
        take: |build, given| build.file.endpoint(Direction::Report, given),
        print: File(|config, out| config.report.iter().for_each(|endpoint| out.endpoint(endpoint))),
        ..FILE
    },
    EndWhenDone = OptionRow {
        words: &["end", "when", "done"],
        count: (0, 0),
        repeatable: false,
        help: "end when no job runs and none will start by itself",
        take: |build, _| set(&mut build.file.config.end.when_done),
        print: File(|config, out| out.flag(config.end.when_done)),
        ..FILE
    },
    EndWithin = OptionRow {
        words: &["end", "within"],
        arguments: "DURATION",
        repeatable: false,
        help: "when pmtr ends, kill what is left after this time",
        take: |build, given| given.store(&mut build.file.config.end.within, values::duration),
        print: File(|config, out| out.duration(config.end.within)),
        ..FILE
    },
    Name = OptionRow {
        words: &["name"],
        arguments: "NAME",
        required: true,
        also: &["title", "label", "id"],
        help: "the name of the job, unique in the file",
        take: |build, given| build.name(given),
        print: Job(|job, out| out.words([job.name.as_bytes()])),
        ..JOB
    },
    Cmd = OptionRow {
        words: &["cmd"],
        arguments: "PATH [ARG...]",
        count: (1, ANY),
        required: true,
        also: &["command", "exec", "run", "start", "program"],
        help: "the program and its arguments: a path, or a name that is searched in PATH",
        take: |build, given| build.job.command(given),
        print: Job(|job, out| out.words(job.launch.cmd().map(CStr::to_bytes))),
        ..JOB
    },
    Like = OptionRow {
        words: &["like"],
        arguments: "NAME...",
        count: (1, ANY),
        also: &["extends", "inherit", "use"],
        help: "have the options of these templates, too",
        ..JOB
    },
    No = OptionRow {
        words: &["no"],
        arguments: "OPTION",
        count: (1, ANY),
        repeatable: true,
        also: &["unset", "remove"],
        help: "take back what defaults and templates say about an option",
        ..JOB
    },
    Instances = OptionRow {
        words: &["instances"],
        arguments: "N",
        also: &["numprocs", "replicas", "copies"],
        help: "N jobs, named NAME-1 to NAME-N",
        take: |build, given| build.job.instances(given),
        ..JOB
    },
    Each = OptionRow {
        words: &["each"],
        arguments: "WORD...",
        count: (1, ANY),
        also: &["foreach", "for"],
        help: "a job for each word, named NAME-WORD",
        take: |build, given| build.job.each(given),
        ..JOB
    },
    Tag = OptionRow {
        words: &["tag"],
        arguments: "WORD...",
        count: (1, ANY),
        repeatable: true,
        also: &["tags"],
        help: "groups that the job belongs to",
        take: |build, given| build.job.tags(given),
        print: Job(|job, out| out.list(job.policy.labels.tags.iter())),
        ..RULE
    },
    About = OptionRow {
        words: &["about"],
        arguments: "TEXT",
        blanks: true,
        also: &["description", "comment"],
        help: "what the job is for, in a few words",
        take: |build, given| given.store(&mut build.job.draft.policy.labels.about, labels::about),
        print: Job(|job, out| job.policy.labels.about.iter().for_each(|text| out.words([&**text]))),
        ..RULE
    },
    Dir = OptionRow {
        words: &["dir"],
        arguments: "PATH",
        blanks: true,
        also: &["directory", "cwd", "chdir", "workdir", "cd"],
        help: "the working directory, an absolute path; / if not given",
        take: |build, given| given.store(&mut build.job.draft.dir, values::directory),
        print: Job(|job, out| out.path(job.launch.given_dir())),
        ..JOB
    },
    In = OptionRow {
        words: &["in"],
        arguments: "FILE",
        blanks: true,
        also: &["stdin", "input"],
        help: "the file to read standard input from; /dev/null if not given",
        take: |build, given| given.store(&mut build.job.draft.input, values::input),
        print: Job(|job, out| out.path(job.launch.input())),
        ..JOB
    },
    Out = OptionRow {
        words: &["out"],
        arguments: "FILE|syslog",
        blanks: true,
        also: &["stdout", "output", "log"],
        help: "where standard output goes: appended to a file, or to syslog line by line",
        take: |build, given| given.store(&mut build.job.draft.out, values::path),
        print: Job(|job, out| out.output(job.launch.out())),
        ..JOB
    },
    Err = OptionRow {
        words: &["err"],
        arguments: "FILE|syslog",
        blanks: true,
        also: &["stderr", "error"],
        help: "where standard error goes: appended to a file, or to syslog line by line",
        take: |build, given| given.store(&mut build.job.draft.err, values::path),
        print: Job(|job, out| out.output(job.launch.err())),
        ..JOB
    },
    User = OptionRow {
        words: &["user"],
        arguments: "NAME|UID",
        also: &["uid", "username", "runas"],
        help: "run as this user, with its groups",
        take: |build, given| given.store(&mut build.job.draft.user, values::user),
        print: Job(|job, out| out.path(job.launch.user())),
        ..JOB
    },
    Env = OptionRow {
        words: &["env"],
        arguments: "VAR=VALUE",
        blanks: true,
        repeatable: true,
        also: &["environment", "setenv", "export", "set"],
        help: "set an environment variable",
        take: |build, given| build.job.variable(given),
        print: Job(|job, out| job.launch.env().for_each(|text| out.path(Some(text)))),
        ..JOB
    },
    Disable = OptionRow {
        words: &["disable"],
        count: (0, 0),
        also: &["disabled", "off"],
        help: "the job is not to run",
        take: |build, _| set(&mut build.job.draft.policy.fixed.disable),
        print: Job(|job, out| out.flag(job.policy.fixed.disable)),
        ..JOB
    },
    Wait = OptionRow {
        words: &["wait"],
        count: (0, 0),
        help: "later jobs start only when this one has ended",
        take: |build, _| set(&mut build.job.draft.policy.fixed.wait),
        print: Job(|job, out| out.flag(job.policy.fixed.wait)),
        ..JOB
    },
    Once = OptionRow {
        words: &["once"],
        count: (0, 0),
        also: &["oneshot"],
        help: "the job is not restarted when it ends",
        take: |build, _| set(&mut build.job.draft.policy.fixed.once),
        print: Job(|job, out| out.flag(job.policy.fixed.once)),
        ..JOB
    },
    Order = OptionRow {
        words: &["order"],
        arguments: "NUMBER",
        also: &["priority"],
        help: "jobs start in this order, smallest first; 0 if not given",
        take: |build, given| given.replace(&mut build.job.draft.policy.order, values::order),
        print: Job(|job, out| out.value(Some(job.policy.order).filter(|order| *order != 0))),
        ..RULE
    },
    Nice = OptionRow {
        words: &["nice"],
        arguments: "NUMBER",
        also: &["niceness", "renice"],
        help: "the scheduling priority, from -20, the most favourable, to 19",
        take: |build, given| given.number(&mut build.job.draft.attributes.nice, -20..=19),
        print: Job(|job, out| out.value(job.launch.attributes().nice)),
        ..JOB
    },
    Cpu = OptionRow {
        words: &["cpu"],
        arguments: "LIST|MASK",
        also: &["cpus", "affinity", "cpuset"],
        help: "run on these processors only: 0,2-4 or 0x1d",
        take: |build, given| given.store(&mut build.job.draft.attributes.cpus, values::cpus),
        print: Job(|job, out| out.value(job.launch.attributes().cpus.as_ref())),
        ..JOB
    },
    Ulimit = OptionRow {
        words: &["ulimit"],
        arguments: "FLAG VALUE | { FLAG VALUE ... }",
        count: (2, 2),
        block: Instead(Inside::Words),
        repeatable: true,
        also: &["limit", "limits", "rlimit"],
        help: "bound a resource, the hard limit and the soft one",
        take: |build, given| build.job.limits(given),
        print: Job(|job, out| job.launch.attributes().limits.iter().for_each(|limit| out.text(limit))),
        ..JOB
    },
    Umask = OptionRow {
        words: &["umask"],
        arguments: "OCTAL",
        help: "the permissions that new files do not get; 022 if not given",
        take: |build, given| given.store(&mut build.job.draft.attributes.umask, values::octal),
        print: Job(|job, out| out.value(job.launch.attributes().umask.map(|mask| format!("{mask:03o}")))),
        ..JOB
    },
    Group = surroundings::GROUP,
    Groups = surroundings::GROUPS,
    EnvFile = surroundings::ENV_FILE,
    EnvClear = surroundings::ENV_CLEAR,
    MakeDir = surroundings::MAKE_DIR,
    NoNewPrivileges = surroundings::NO_NEW_PRIVILEGES,
    KeepCapability = surroundings::KEEP_CAPABILITY,
    OomScore = surroundings::OOM_SCORE,
    BounceEvery = OptionRow {
        words: &["bounce", "every"],
        arguments: "INTERVAL",
        also: &["restart every"],
        help: "restart the job periodically: 30s, 10m, 6h, 1d",
        take: |build, given| given.store(&mut build.job.draft.policy.fixed.bounce_every, values::interval),
        print: Job(|job, out| out.duration(job.policy.fixed.bounce_every)),
        ..JOB
    },
    RestartOn = rules::RESTART_ON,
    StayDownOn = rules::STAY_DOWN_ON,
    SuccessOn = rules::SUCCESS_ON,
    RestartDelay = rules::RESTART_DELAY,
    SteadyAfter = rules::STEADY_AFTER,
    GiveUpAfter = rules::GIVE_UP_AFTER,
    Essential = rules::ESSENTIAL,
    StopSignal = rules::STOP_SIGNAL,
    StopTimeout = rules::STOP_TIMEOUT,
    StopWith = rules::STOP_WITH,
    StopMainOnly = rules::STOP_MAIN_ONLY,
    ReloadWith = rules::RELOAD_WITH,
    ReloadSignal = rules::RELOAD_SIGNAL,
    Depends = OptionRow {
        words: &["depends"],
        arguments: "{ FILE ... }",
        count: (0, 0),
        block: Always(Inside::Words),
        repeatable: true,
        also: &["depend", "dependencies", "watch"],
        help: "restart the job when the content of one of these files changes",
        take: |build, given| build.job.files(given),
        print: Job(|job, out| out.block(job.launch.depends().map(CStr::to_bytes))),
        ..JOB
    },
}
