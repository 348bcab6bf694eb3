use super::*;
use crate::model::{Part, Pid};

mod joining;
mod pages;
mod table;
mod worlds;

const LIMITS: Limits = Limits {
    hosts: 100,
    names_per_address: 16,
    jobs_per_host: 1_000,
    bytes: 10_000_000,
    stale_after: Duration::from_secs(60),
};

/// A fleet and its notes.
struct Post {
    fleet: Fleet,
    notes: Vec<FleetNote>,
}

fn at(secs: u64) -> MonoTime {
    at_ms(secs * 1_000)
}

fn at_ms(millis: u64) -> MonoTime {
    MonoTime::ZERO + Duration::from_millis(millis)
}

fn address(last: u8) -> IpAddr {
    [10, 0, 0, last].into()
}

fn key(last: u8, name: &str) -> HostKey {
    HostKey { name: Some(name.as_bytes().into()), address: address(last) }
}

fn part(index: u32, of: u32, serial: u64) -> Option<Part> {
    Some(Part { index, of, serial })
}

fn line(name: &[u8]) -> JobLine<'_> {
    JobLine {
        name,
        enabled: true,
        seconds: 5,
        process: ReportedProcess::Pid(Pid::new(7).unwrap()),
        path: b"/bin/x",
    }
}

impl Post {
    fn new(limits: Limits) -> Post {
        Post { fleet: Fleet::new(limits), notes: Vec::new() }
    }

    /// Advances the time, then receives a datagram from the host with this key; spaces separate its jobs.
    fn hears(&mut self, now: MonoTime, key: &HostKey, part: Option<Part>, jobs: &str) {
        self.tick(now);
        let head = Head { host: key.name.as_deref(), interface: None, part };
        let mut lines = jobs.split_whitespace().map(|name| line(name.as_bytes()));
        self.fleet.receive(now, key.address, &head, &mut lines, &mut self.notes);
        self.check(now);
    }

    /// Advances the time, and meets each deadline on the way.
    fn tick(&mut self, now: MonoTime) {
        while let Some(due) = self.fleet.deadline().filter(|due| *due <= now) {
            self.fleet.tick(due, &mut self.notes);
            self.check(due);
        }
        self.fleet.tick(now, &mut self.notes);
        self.check(now);
    }

    /// Checks what must always hold.
    fn check(&self, now: MonoTime) {
        assert!(self.fleet.deadline().is_none_or(|due| due > now), "a deadline is left standing");
        assert_eq!(self.fleet.dues.len(), self.fleet.heard.len());
        let hosts = || self.fleet.heard.values();
        assert_eq!(self.fleet.complete(), hosts().filter(|host| host.is_complete()).count());
        let bytes: usize = hosts().map(Host::weight_by_hand).sum();
        assert_eq!(self.fleet.memory.total, bytes);
        assert!(bytes <= self.fleet.limits.bytes, "{bytes} bytes");
        for (key, host) in &self.fleet.heard {
            let due = host.deadline(self.fleet.limits.stale_after);
            assert!(self.fleet.dues.contains(&(due, Rc::clone(key))));
            assert!(host.jobs().len() <= self.fleet.limits.jobs_per_host);
        }
        self.fleet.roster.check(&self.fleet.limits, self.fleet.heard.len());
        self.fleet.changes.check();
    }

    fn host(&self, key: &HostKey) -> Option<&Host> {
        self.fleet.heard.get(key)
    }

    /// The jobs that are shown of a host, whether its report is whole, and the number of lost parts.
    fn shows(&self, key: &HostKey) -> (String, bool, u64) {
        let host = self.host(key).expect("the host is heard");
        let names: Vec<String> =
            host.jobs().iter().map(|job| String::from_utf8_lossy(&job.name).into_owned()).collect();
        (names.join(" "), host.is_complete(), host.lost_parts())
    }

    fn changes(&mut self) -> Vec<(HostKey, HostChange)> {
        std::iter::from_fn(|| self.fleet.change()).collect()
    }

    fn says(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes).iter().map(FleetNote::to_string).collect()
    }
}

fn shown(names: &str, is_complete: bool, lost: u64) -> (String, bool, u64) {
    (names.to_owned(), is_complete, lost)
}
