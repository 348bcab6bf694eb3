//! The rows of the options that say when a job is restarted, how it is stopped, and how it reads its configuration
//! again.

use super::table::RULE;
use super::{ANY, OptionRow, Print};
use crate::config::build::{command, ends, set, successes};
use crate::config::values;
use crate::model::Signal;
use Print::Job;

pub(super) const RESTART_ON: OptionRow = OptionRow {
    words: &["restart", "on"],
    arguments: "CODES",
    count: (1, ANY),
    also: &["autorestart"],
    help: "restart after these ends only; after every end if not given, with `once` after none",
    take: |build, given| build.job.restart_on(given),
    print: Job(|job, out| out.value(job.policy.restart.on)),
    ..RULE
};

pub(super) const STAY_DOWN_ON: OptionRow = OptionRow {
    words: &["stay", "down", "on"],
    arguments: "CODES",
    count: (1, ANY),
    also: &["restartpreventexitstatus"],
    help: "never restart after these ends; 33 if not given",
    take: |build, given| ends(given, &mut build.job.draft.policy.restart.stay_down),
    print: Job(|job, out| out.value(job.policy.restart.stay_down)),
    ..RULE
};

pub(super) const SUCCESS_ON: OptionRow = OptionRow {
    words: &["success", "on"],
    arguments: "CODES",
    count: (1, ANY),
    also: &["exitcodes", "successexitstatus"],
    help: "these ends are successes; 0 and 33 if not given",
    take: |build, given| successes(given, &mut build.job.draft.policy.restart.success),
    print: Job(|job, out| out.value(job.policy.restart.success)),
    ..RULE
};

pub(super) const RESTART_DELAY: OptionRow = OptionRow {
    words: &["restart", "delay"],
    arguments: "D [plus D | times N] [up to D] [jitter P%]",
    count: (1, ANY),
    also: &["restartsec", "backoff"],
    help: "wait this long before a restart after a quick run; 10s if not given",
    take: |build, given| build.job.delay(given),
    print: Job(|job, out| out.value(job.policy.restart.delay)),
    ..RULE
};

pub(super) const STEADY_AFTER: OptionRow = OptionRow {
    words: &["steady", "after"],
    arguments: "D|never",
    also: &["startsecs"],
    help: "a run shorter than this is quick; 10s if not given",
    take: |build, given| given.store(&mut build.job.draft.policy.restart.steady, values::lasting),
    print: Job(|job, out| out.value(job.policy.restart.steady)),
    ..RULE
};

pub(super) const GIVE_UP_AFTER: OptionRow = OptionRow {
    words: &["give", "up", "after"],
    arguments: "N [in D]",
    count: (1, 3),
    also: &["startretries", "startlimitburst"],
    help: "stop restarting after N quick runs in a row, or after N ends within a time",
    take: |build, given| build.job.give_up(given),
    print: Job(|job, out| out.value(job.policy.restart.give_up)),
    ..RULE
};

pub(super) const ESSENTIAL: OptionRow = OptionRow {
    words: &["essential"],
    count: (0, 0),
    help: "when this job ends for good, pmtr ends with its exit status",
    take: |build, _| set(&mut build.job.draft.policy.restart.essential),
    print: Job(|job, out| out.flag(job.policy.restart.essential)),
    ..RULE
};

pub(super) const STOP_SIGNAL: OptionRow = OptionRow {
    words: &["stop", "signal"],
    arguments: "SIGNAL...",
    count: (1, ANY),
    also: &["killsignal"],
    help: "the signals of a stop, one after the other; TERM if not given",
    take: |build, given| build.job.stop_signals(given),
    print: Job(|job, out| out.signals(&job.policy.stop.signals)),
    ..RULE
};

pub(super) const STOP_TIMEOUT: OptionRow = OptionRow {
    words: &["stop", "timeout"],
    arguments: "D|never",
    also: &["stopwaitsecs", "timeoutstopsec"],
    help: "how long each step of a stop has before the next, KILL at last; 10s if not given",
    take: |build, given| given.store(&mut build.job.draft.policy.stop.timeout, values::lasting),
    print: Job(|job, out| out.value(job.policy.stop.timeout)),
    ..RULE
};

pub(super) const STOP_WITH: OptionRow = OptionRow {
    words: &["stop", "with"],
    arguments: "COMMAND",
    count: (1, ANY),
    also: &["execstop"],
    help: "the command that stops the job; signals follow if it fails",
    take: |build, given| command(given, &mut build.job.draft.policy.stop.with),
    print: Job(|job, out| out.command(&job.policy.stop.with)),
    ..RULE
};

pub(super) const STOP_MAIN_ONLY: OptionRow = OptionRow {
    words: &["stop", "main", "only"],
    count: (0, 0),
    also: &["killmode"],
    help: "signals of a stop go to the main process alone, KILL to all",
    take: |build, _| set(&mut build.job.draft.policy.stop.main_only),
    print: Job(|job, out| out.flag(job.policy.stop.main_only)),
    ..RULE
};

pub(super) const RELOAD_WITH: OptionRow = OptionRow {
    words: &["reload", "with"],
    arguments: "COMMAND",
    count: (1, ANY),
    also: &["execreload"],
    help: "the command that lets the job read its configuration again",
    take: |build, given| command(given, &mut build.job.draft.policy.reload.with),
    print: Job(|job, out| out.command(&job.policy.reload.with)),
    ..RULE
};

pub(super) const RELOAD_SIGNAL: OptionRow = OptionRow {
    words: &["reload", "signal"],
    arguments: "SIGNAL",
    help: "the signal that lets the job read its configuration again",
    take: |build, given| given.store(&mut build.job.draft.policy.reload.signal, values::signal),
    print: Job(|job, out| out.value(job.policy.reload.signal.map(Signal::name))),
    ..RULE
};
