//! The rows of the options that say as whom a job runs, with which variables and rights, and in which directories.

use super::table::JOB;
use super::{ANY, OptionRow, Print};
use crate::config::build::set;
use Print::Job;

pub(super) const GROUP: OptionRow = OptionRow {
    words: &["group"],
    arguments: "NAME|GID",
    also: &["gid", "groupname"],
    help: "the primary group; that of the user if not given",
    take: |build, given| build.job.group(given),
    print: Job(|job, out| out.path(job.launch.attributes().group.as_deref())),
    ..JOB
};

pub(super) const GROUPS: OptionRow = OptionRow {
    words: &["groups"],
    arguments: "NAME|GID...",
    count: (1, ANY),
    also: &["supplementary groups", "supplementarygroups"],
    help: "the supplementary groups; those of the user if not given",
    take: |build, given| build.job.groups(given),
    print: Job(|job, out| out.list(job.launch.attributes().groups.iter())),
    ..JOB
};

pub(super) const ENV_FILE: OptionRow = OptionRow {
    words: &["env", "file"],
    arguments: "PATH [optional]",
    count: (1, 2),
    repeatable: true,
    also: &["environment file", "environmentfile", "envfile"],
    help: "read environment variables from this file before each start",
    take: |build, given| build.job.env_file(given),
    print: Job(|job, out| job.launch.attributes().env_files.iter().for_each(|file| out.env_file(file))),
    ..JOB
};

pub(super) const ENV_CLEAR: OptionRow = OptionRow {
    words: &["env", "clear"],
    count: (0, 0),
    also: &["clear env", "clearenv"],
    help: "the job gets nothing of the environment of pmtr",
    take: |build, _| set(&mut build.job.draft.attributes.env_clear),
    print: Job(|job, out| out.flag(job.launch.attributes().env_clear)),
    ..JOB
};

pub(super) const MAKE_DIR: OptionRow = OptionRow {
    words: &["make", "dir"],
    arguments: "PATH [OCTAL]",
    count: (1, 2),
    repeatable: true,
    also: &["mkdir", "makedir", "create dir", "runtimedirectory", "statedirectory"],
    help: "make this directory before each start if it is missing",
    take: |build, given| build.job.make_dir(given),
    print: Job(|job, out| job.launch.attributes().make_dirs.iter().for_each(|dir| out.make_dir(dir))),
    ..JOB
};

pub(super) const NO_NEW_PRIVILEGES: OptionRow = OptionRow {
    words: &["no", "new", "privileges"],
    count: (0, 0),
    also: &["nonewprivileges", "no new privs"],
    help: "neither the job nor what it runs gains rights by set-user-ID programs",
    take: |build, _| set(&mut build.job.draft.attributes.no_new_privileges),
    print: Job(|job, out| out.flag(job.launch.attributes().no_new_privileges)),
    ..JOB
};

pub(super) const KEEP_CAPABILITY: OptionRow = OptionRow {
    words: &["keep", "capability"],
    arguments: "NAME...",
    count: (1, ANY),
    also: &["capabilities", "capability", "ambientcapabilities", "keep capabilities"],
    help: "the capabilities that the job has though it does not run as root",
    take: |build, given| build.job.capabilities(given),
    print: Job(|job, out| {
        out.value(Some(job.launch.attributes().capabilities).filter(|set| !set.is_empty()))
    }),
    ..JOB
};

pub(super) const OOM_SCORE: OptionRow = OptionRow {
    words: &["oom", "score"],
    arguments: "NUMBER",
    also: &["oomscoreadjust", "oom score adj", "oom", "oom adj"],
    help: "how soon the kernel kills the job when memory runs out, from -1000, never, to 1000",
    take: |build, given| given.number(&mut build.job.draft.attributes.oom_score, -1000..=1000),
    print: Job(|job, out| out.value(job.launch.attributes().oom_score)),
    ..JOB
};
