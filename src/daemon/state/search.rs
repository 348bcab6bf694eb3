//! Which of the processes in a state file are still alive. Each is proven to be the one that was recorded, not
//! another with its number.
#![forbid(unsafe_code)]

use super::{Leader, LeftOver};
use crate::model::Pid;
use crate::sys::group::Group;
use crate::sys::record::Record;
use crate::sys::stat::{self, Stat};
use crate::sys::{clock, session};
use std::collections::{BTreeMap, BTreeSet};

/// What is alive of these records, in their order.
pub(super) fn alive(records: Vec<Record>, own: Pid) -> Vec<LeftOver> {
    let now = clock::since_start();
    let leaders: Vec<Option<Leader>> = records.iter().map(leader).collect();
    let orphaned = records.iter().zip(&leaders).filter(|(record, leader)| leader.is_none() && record.seen);
    let sessions = members(orphaned.map(|(record, _)| record.pid), own);
    // Several records may have the same number. At most one of them is that of the process that has it now.
    let mut known = BTreeSet::new();
    known.insert(own);
    let mut left = Vec::new();
    for (record, leader) in records.into_iter().zip(leaders) {
        let pid = record.pid;
        let of_it = || sessions.get(&pid).is_some_and(|births| births.iter().any(|at| is_of(&record, *at)));
        if (leader.is_some() || record.seen && of_it()) && known.insert(pid) {
            left.push(LeftOver { record: Record { after_nanos: now, seen: true, ..record }, leader });
        }
    }
    left
}

/// The main process of this record, if it is alive and its number was not reused.
fn leader(record: &Record) -> Option<Leader> {
    let pid = record.pid;
    // Opened first, so that the answers below are about the process that it stands for.
    let group = Group::of(pid).in_lower_half();
    let stat = Stat::of(pid).filter(|stat| !stat.zombie && stat.leads_session(pid) && pid.as_raw() > 1)?;
    let born = clock::ticks(record.before_nanos)..=clock::ticks(record.after_nanos);
    born.contains(&stat.born_ticks).then_some(Leader { born_ticks: stat.born_ticks, group })
}

/// Whether a process with the session of this record was created before some process of the job was seen alive.
///
/// A process enters a session only by being created in it. The number of a session is reused only when no process has
/// it, which was not so at that time. So a process that has it now and was created before that time belongs to the
/// job. Ticks are coarse, so the tick of that time does not count.
fn is_of(record: &Record, born_ticks: u64) -> bool {
    (clock::ticks(record.before_nanos)..clock::ticks(record.after_nanos)).contains(&born_ticks)
}

/// The creation times of the living members of these sessions. Looks at all processes of the machine if there is a
/// session.
fn members(sessions: impl Iterator<Item = Pid>, own: Pid) -> BTreeMap<Pid, Vec<u64>> {
    let mut births: BTreeMap<Pid, Vec<u64>> = BTreeMap::new();
    for session in sessions {
        births.insert(session, Vec::new());
    }
    if births.is_empty() {
        return births;
    }
    for pid in stat::list().into_iter().flatten().filter_map(Result::ok).filter(|pid| *pid != own) {
        let Some(session) = session::session_of(pid) else { continue };
        let Some(of_session) = births.get_mut(&session) else { continue };
        let member = session::member(pid, session);
        if let Some(stat) = member.stat.filter(|stat| !stat.zombie) {
            of_session.push(stat.born_ticks);
        }
    }
    births
}
