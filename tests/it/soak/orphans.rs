//! A process 1 that is handed ten thousand orphans.

use super::actor::{Told, What, actor_or_skip};
use super::figures::{Load, that_fit};
use super::kept::{Kept, children, zombies};
use super::{length, limit};
use crate::support::{Dir, daemon, wait_until};
use crate::wrapped::{AS_INIT, namespaces_or_skip};
use pmtr::sys::clock;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

const ORPHANS: usize = 10_000;
const CALM: usize = 100;
/// How long those live that are handed over alive.
const LIFE: Duration = Duration::from_secs(2);

/// The daemon as process 1 of namespaces of its own.
pub fn as_init(dir: Dir, config: &str, before: &str) -> Kept {
    let config = dir.write("pmtr.conf", config);
    let mut pmtr = daemon(dir.path());
    pmtr.arg("-vFc").arg(config);
    let words: Vec<_> = [pmtr.get_program()].into_iter().chain(pmtr.get_args()).collect();
    let mut command = Command::new(AS_INIT[0]);
    // What /proc shows is what the namespace has.
    let script = format!("mount --make-rprivate /; mount -t proc proc /proc; {before} exec \"$@\"");
    command.args(&AS_INIT[1..]).args(["/bin/bash", "-ec", &script, "bash"]).args(words);
    let mut kept = Kept::run(dir, command);
    kept.waits_for("managing", 1);
    kept.is_inside();
    kept
}

#[test]
fn thousands_of_orphans_are_reaped_by_a_process_one_and_none_is_taken_for_a_job() {
    if !namespaces_or_skip("many orphans") {
        return;
    }
    // Ended already when they are handed over, and alive.
    for life in [Duration::ZERO, LIFE] {
        let dir = Dir::new();
        let Some(actor) = actor_or_skip(&dir, "many orphans") else { return };
        let mut told = Told::new(dir.path());
        let count = that_fit(if length().is_some() { ORPHANS } else { 2_000 });
        let (actor, fifo) = (actor.display(), told.fifo.display());
        let storm = format!("{actor} storm {fifo} {count} {}", life.as_micros());
        let mut config: String = (0..CALM)
            .map(|i| format!("job {{\n name calm{i}\n cmd {actor} job {fifo} {i} - -\n}}\n"))
            .collect();
        config += &format!("job {{\n name storm\n cmd {storm}\n}}\n");
        let mut pmtr = as_init(dir, &config, "");
        let load = Load::now(pmtr.pid());
        let stormed = told.next(What::Stormed);
        assert_eq!(stormed.number, count);
        pmtr.waits_for("exited", 1);
        // Whatever the storm has left ends at last that long after it.
        let ended = stormed.at + life;
        // Whoever looks at so many children all the time holds up those who reap them.
        let told_of = || pmtr.count("adopted") + pmtr.lost() >= count;
        wait_until("all orphans are gone", || told_of() && children(pmtr.pid()).len() == CALM);
        let reaped = clock::now().since(ended);
        let others = Load::now(pmtr.pid()).others_since(load);
        let left = zombies(pmtr.pid());
        let calm: BTreeSet<i32> = children(pmtr.pid()).into_iter().collect();
        let ran = if life.is_zero() { "dead" } else { "living" };
        eprintln!("orphans: {count} {ran} ones, {left} zombies; others took {others} % of the processors");
        limit("all reaped after the last one's end", reaped, Duration::from_secs(1), others);
        assert_eq!((left, calm.len()), (0, CALM));
        pmtr.waits_for("adopted", if pmtr.lost() == 0 { count } else { 0 });
        // None was a job's end, and none was followed by a start.
        assert_eq!((pmtr.count("started"), pmtr.count("exited")), (CALM + 1, 1));
        // Zombies of its own group are what a job has left, until they are reaped.
        assert_eq!(pmtr.count("SIGTERM to job") + pmtr.count("SIGKILL"), 0);
        assert_eq!(pmtr.stop().code(), Some(0));
        assert!(pmtr.lost() > 0 || pmtr.count("adopted") == count, "{}", pmtr.count("adopted"));
    }
}
