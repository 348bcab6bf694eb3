//! Which of the processes that a state file tells of are still there: surely those, and no others with their numbers.
#![forbid(unsafe_code)]

use super::{Leader, LeftOver};
use crate::model::Pid;
use crate::sys::group::Group;
use crate::sys::record::Record;
use crate::sys::stat::{self, Stat};
use crate::sys::{clock, session};
use std::collections::{BTreeMap, BTreeSet};

/// What lives of these records, in their order.
pub(super) fn alive(records: Vec<Record>, own: Pid) -> Vec<LeftOver> {
    let now = clock::since_start();
    let leaders: Vec<Option<Leader>> = records.iter().map(leader).collect();
    let orphaned = records.iter().zip(&leaders).filter(|(record, leader)| leader.is_none() && record.seen);
    let sessions = members(orphaned.map(|(record, _)| record.pid), own);
    // A number may stand in several records, one of which at most is that of who has it now.
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

/// The main process of this record if it is still there: its number was taken by no other since.
fn leader(record: &Record) -> Option<Leader> {
    let pid = record.pid;
    // Taken first: what is found out now holds for whom it stands for.
    let group = Group::of(pid).in_lower_half();
    let stat = Stat::of(pid).filter(|stat| !stat.zombie && stat.leads_session(pid) && pid.as_raw() > 1)?;
    let born = clock::ticks(record.before_nanos)..=clock::ticks(record.after_nanos);
    born.contains(&stat.born_ticks).then_some(Leader { born_ticks: stat.born_ticks, group })
}

/// Whether a process with the session of this record was born into it before something of the job was seen alive.
///
/// A session is joined by birth alone. Its number is given to another only when nobody has it any more, which was
/// not so at that moment: who has it now and was born before that is of the job. Ticks are coarse, so that of the
/// moment itself does not count.
fn is_of(record: &Record, born_ticks: u64) -> bool {
    (clock::ticks(record.before_nanos)..clock::ticks(record.after_nanos)).contains(&born_ticks)
}

/// When the living members of these sessions were born. Looks at all processes of the machine, if at any.
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
