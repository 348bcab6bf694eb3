//! The one table of all options. The parser, its suggestions, every listing of options and the test of the
//! manual read it; a new option is a row here, a field in the draft, and a line where its value is taken.

use Block::{Always, Instead, Never};

/// The kinds of block whose lines are options; each has options of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Outside of every block.
    File,
    /// Inside of `job { ... }`.
    Job,
}

/// What stands between the braces of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// Options of this place.
    Options(Place),
    /// Lines of words that mean something to the option alone.
    Words,
}

/// Whether an option takes a block. For one that takes none, a brace is an ordinary word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// It takes none.
    Never,
    /// It takes one behind its arguments.
    Always(Inside),
    /// It takes either its arguments or a block of them.
    Instead(Inside),
}

/// Names a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Job,
    ListenOn,
    ReportTo,
    Name,
    Cmd,
    Dir,
    In,
    Out,
    Err,
    User,
    Env,
    Disable,
    Wait,
    Once,
    Order,
    Nice,
    Cpu,
    Ulimit,
    BounceEvery,
    Depends,
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct OptionRow {
    /// Its name in the code.
    pub key: Key,
    /// Its name in the file, word by word.
    pub words: &'static [&'static str],
    /// Where it may stand.
    pub place: Place,
    /// Its arguments as the manual shows them, the block included.
    pub arguments: &'static str,
    /// The least and the greatest number of arguments, the block not counted.
    pub count: (usize, usize),
    /// Whether it takes a block.
    pub block: Block,
    /// Whether its block may stand on one line.
    pub one_line: bool,
    /// Whether its argument may have blanks in it.
    pub blanks: bool,
    /// Whether it may be given more than once in one place.
    pub repeatable: bool,
    /// Whether the place is incomplete without it.
    pub required: bool,
    /// What other programs call it: whoever writes that is told our name for it.
    pub also: &'static [&'static str],
    /// What it does, in one line.
    pub help: &'static str,
}

/// As many arguments as one likes.
pub const ANY: usize = usize::MAX;

impl OptionRow {
    /// Its name in the file: `bounce every`.
    pub fn keyword(&self) -> String {
        self.words.join(" ")
    }

    /// How it is written: `bounce every INTERVAL`.
    pub fn usage(&self) -> String {
        let mut usage = self.keyword();
        if !self.arguments.is_empty() {
            usage.push(' ');
            usage.push_str(self.arguments);
        }
        usage
    }
}

/// An option of a job with one argument, given once: most are like this.
const JOB: OptionRow = OptionRow {
    key: Key::Name,
    words: &[],
    place: Place::Job,
    arguments: "",
    count: (1, 1),
    block: Never,
    one_line: true,
    blanks: false,
    repeatable: false,
    required: false,
    also: &[],
    help: "",
};

/// A repeatable option of the file with one argument.
const FILE: OptionRow = OptionRow { place: Place::File, repeatable: true, ..JOB };

/// All options, in the order of the manual.
pub const TABLE: [OptionRow; 20] = [
    OptionRow {
        key: Key::Job,
        words: &["job"],
        arguments: "{ ... }",
        count: (0, 0),
        block: Always(Inside::Options(Place::Job)),
        one_line: false,
        also: &["program", "service", "process", "task"],
        help: "a program to keep running; one option a line between the braces",
        ..FILE
    },
    OptionRow {
        key: Key::ListenOn,
        words: &["listen", "on"],
        arguments: "udp://HOST:PORT",
        also: &["bind", "control"],
        help: "take enable and disable commands from this address",
        ..FILE
    },
    OptionRow {
        key: Key::ReportTo,
        words: &["report", "to"],
        arguments: "udp://HOST:PORT[@INTERFACE]",
        also: &["send", "notify"],
        help: "send the state of all jobs there every 10 seconds",
        ..FILE
    },
    OptionRow {
        key: Key::Name,
        words: &["name"],
        arguments: "NAME",
        required: true,
        also: &["title", "label", "id"],
        help: "the name of the job, unique in the file",
        ..JOB
    },
    OptionRow {
        key: Key::Cmd,
        words: &["cmd"],
        arguments: "PATH [ARG...]",
        count: (1, ANY),
        required: true,
        also: &["command", "exec", "run", "start", "program"],
        help: "the absolute path of the program, and its arguments",
        ..JOB
    },
    OptionRow {
        key: Key::Dir,
        words: &["dir"],
        arguments: "PATH",
        blanks: true,
        also: &["directory", "cwd", "chdir", "workdir", "cd"],
        help: "the working directory, an absolute path; / if not given",
        ..JOB
    },
    OptionRow {
        key: Key::In,
        words: &["in"],
        arguments: "FILE",
        blanks: true,
        also: &["stdin", "input"],
        help: "the file to read standard input from; /dev/null if not given",
        ..JOB
    },
    OptionRow {
        key: Key::Out,
        words: &["out"],
        arguments: "FILE|syslog",
        blanks: true,
        also: &["stdout", "output", "log"],
        help: "where standard output goes: appended to a file, or to syslog line by line",
        ..JOB
    },
    OptionRow {
        key: Key::Err,
        words: &["err"],
        arguments: "FILE|syslog",
        blanks: true,
        also: &["stderr", "error"],
        help: "where standard error goes: appended to a file, or to syslog line by line",
        ..JOB
    },
    OptionRow {
        key: Key::User,
        words: &["user"],
        arguments: "NAME|UID",
        also: &["uid", "username", "runas"],
        help: "run as this user, with its groups",
        ..JOB
    },
    OptionRow {
        key: Key::Env,
        words: &["env"],
        arguments: "VAR=VALUE",
        blanks: true,
        repeatable: true,
        also: &["environment", "setenv", "export", "set"],
        help: "set an environment variable",
        ..JOB
    },
    OptionRow {
        key: Key::Disable,
        words: &["disable"],
        count: (0, 0),
        also: &["disabled", "off", "stop"],
        help: "the job is not to run",
        ..JOB
    },
    OptionRow {
        key: Key::Wait,
        words: &["wait"],
        count: (0, 0),
        help: "later jobs start only when this one has ended",
        ..JOB
    },
    OptionRow {
        key: Key::Once,
        words: &["once"],
        count: (0, 0),
        also: &["oneshot"],
        help: "the job is not restarted when it ends",
        ..JOB
    },
    OptionRow {
        key: Key::Order,
        words: &["order"],
        arguments: "NUMBER",
        also: &["priority"],
        help: "jobs start in this order, smallest first; 0 if not given",
        ..JOB
    },
    OptionRow {
        key: Key::Nice,
        words: &["nice"],
        arguments: "NUMBER",
        also: &["niceness", "renice"],
        help: "the scheduling priority, from -20, the most favourable, to 19",
        ..JOB
    },
    OptionRow {
        key: Key::Cpu,
        words: &["cpu"],
        arguments: "LIST|MASK",
        also: &["cpus", "affinity", "cpuset"],
        help: "run on these processors only: 0,2-4 or 0x1d",
        ..JOB
    },
    OptionRow {
        key: Key::Ulimit,
        words: &["ulimit"],
        arguments: "FLAG VALUE | { FLAG VALUE ... }",
        count: (2, 2),
        block: Instead(Inside::Words),
        repeatable: true,
        also: &["limit", "limits", "rlimit"],
        help: "bound a resource, the hard limit and the soft one",
        ..JOB
    },
    OptionRow {
        key: Key::BounceEvery,
        words: &["bounce", "every"],
        arguments: "INTERVAL",
        also: &["restart", "restart every"],
        help: "restart the job periodically: 30s, 10m, 6h, 1d",
        ..JOB
    },
    OptionRow {
        key: Key::Depends,
        words: &["depends"],
        arguments: "{ FILE ... }",
        count: (0, 0),
        block: Always(Inside::Words),
        repeatable: true,
        also: &["depend", "dependencies", "watch"],
        help: "restart the job when the content of one of these files changes",
        ..JOB
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_stands_at_the_index_of_its_key() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.key as usize, index, "{:?}", row.key);
        }
    }

    #[test]
    fn each_row_is_complete_and_its_name_belongs_to_it_alone() {
        for row in &TABLE {
            assert!(!row.words.is_empty() && !row.help.is_empty(), "{:?}", row.key);
            assert_eq!(row.arguments.is_empty(), row.count == (0, 0) && row.block == Never, "{:?}", row.key);
            assert_eq!(TABLE.iter().filter(|other| other.words == row.words).count(), 1, "{:?}", row.key);
            let alike = |other: &&OptionRow| other.words.first() == row.words.first();
            assert!(TABLE.iter().filter(alike).all(|other| other.place == row.place), "{:?}", row.key);
        }
    }

    #[test]
    fn usage_shows_an_option_as_it_is_written() {
        let usages: Vec<String> = TABLE.iter().map(OptionRow::usage).collect();
        assert!(usages.contains(&"bounce every INTERVAL".to_owned()));
        assert!(usages.contains(&"wait".to_owned()));
    }
}
