//! Reaps children: those that signals have named, and all others when a walk is due.
#![forbid(unsafe_code)]

use super::event_loop::EventLoop;
use super::reaper;
use crate::model::{Ending, Level, MonoTime, Notice, Pid, Signal, Survivors};
use crate::supervisor::{Event, Owner};
use crate::sys::clock;
use crate::sys::group::{self, Group};
use crate::sys::reap::{self, Peeked, Waited};
use crate::sys::signals::Caught;

/// After this many deaths in one walk, our own children are asked one by one.
const MERGED: usize = 16;

impl EventLoop {
    /// Asks for the children that signals have named. Returns how many deaths the signals have reported.
    pub(super) fn reap_named(&mut self, now: MonoTime, caught: &[Caught]) -> usize {
        for signal in caught {
            if let Caught::Child(pid) = signal {
                self.reap_one(*pid);
            }
        }
        let told = reaper::deaths(caught);
        self.reaper.told_of(told, now);
        told
    }

    /// Asks for all children if that is due. After the deaths that it finds after the tick, the next tick comes at
    /// once.
    pub(super) fn walk(&mut self) {
        if !self.reaper.due(clock::now()) {
            return;
        }
        let mut found = 0;
        loop {
            let asked = clock::now();
            match reap::peek_any() {
                Ok(Some(Peeked::Ended(pid))) if self.reap_one(pid) => found += 1,
                Ok(Some(Peeked::Held(pid))) => self.let_go(pid),
                Ok(None) => {
                    let now = clock::now();
                    return self.reaper.rest(now, now.since(asked));
                }
                // The kernel contradicts itself. Believing it could cost a job its restart.
                Ok(Some(Peeked::Ended(_))) => return self.reaper.again(clock::now()),
                Err(_) if self.supervisor.processes() > 0 => return self.reaper.again(clock::now()),
                Err(_) => return,
            }
            if found == MERGED {
                // The kernel begins each walk at the oldest child, so asking by number is cheaper from here on.
                let ours: Vec<Pid> = self.supervisor.pids();
                for pid in ours.into_iter().filter(|pid| reap::has_ended(*pid)) {
                    self.reap_one(pid);
                    if self.reaper.over(clock::now()) {
                        break;
                    }
                }
            }
            // Orphans may arrive as fast as they are reaped.
            if self.reaper.over(clock::now()) {
                return self.reaper.owe(clock::now());
            }
        }
    }

    /// Releases a child that has made us its tracer, or kills it.
    fn let_go(&mut self, pid: Pid) {
        if self.reaper.is_let_go(pid) {
            return reap::let_go(pid);
        }
        // It has not been reaped, so the number is still its own.
        if group::signal_child(pid, Signal::KILL) {
            let what = format!("killed process {pid}, which kept making pmtr its tracer");
            self.world.shared.log.notice(&Notice::Shell(Level::Warning, what.into()));
        }
    }

    /// Reaps a child if it has ended. False if it has not.
    fn reap_one(&mut self, pid: Pid) -> bool {
        // Opened before the number can belong to another process.
        let owner = self.supervisor.owner_of(pid).map(|owner| (owner, Group::of(pid), clock::since_start()));
        let Waited::Ended(exit) = reap::wait_for(pid) else { return false };
        if self.world.has_executed_unnoticed(pid) {
            self.take(clock::now(), Event::Executed(pid));
        }
        let ending: Ending = self.world.ending(pid, exit);
        self.world.outputs.reaped(pid);
        let rest = match owner {
            Some((Owner::Main(id) | Owner::Helper(id), group, before)) => {
                self.world.keep_rest(id, pid, group, before)
            }
            None => Survivors::None,
        };
        // Not the time of the wake-up: the process may have ended after that, and its delay would be too short.
        self.take(clock::now(), Event::Exited(pid, ending, rest));
        true
    }
}
