//! A job's definition as the invented world writes it down.

use crate::rules::{Again, Ended};
use pmtr::model::{EndRules, Fingerprint, Fixed, JobDraft, JobSpec, Policy, Role, Station};
use std::hash::{Hash, Hasher};
use std::time::Duration;

/// The files that jobs can depend on.
pub const FILES: [&str; 3] = ["/etc/app.conf", "/etc/keys", "/srv/relative"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Def {
    pub name: &'static str,
    /// Stands for all options without a meaning of their own here.
    pub version: u32,
    pub order: i32,
    pub wait: bool,
    pub once: bool,
    pub disable: bool,
    pub bounce: u32,
    /// Bit n: depends on `FILES[n]`.
    pub depends: u8,
    pub again: Again,
    pub ended: Ended,
}

pub fn job(name: &'static str) -> Def {
    Def {
        name,
        version: 0,
        order: 0,
        wait: false,
        once: false,
        disable: false,
        bounce: 0,
        depends: 0,
        again: Again::default(),
        ended: Ended::default(),
    }
}

impl Def {
    pub fn wait(self) -> Def {
        Def { wait: true, ..self }
    }
    pub fn once(self) -> Def {
        Def { once: true, ..self }
    }
    pub fn disable(self) -> Def {
        Def { disable: true, ..self }
    }
    pub fn order(self, order: i32) -> Def {
        Def { order, ..self }
    }
    pub fn version(self, version: u32) -> Def {
        Def { version, ..self }
    }
    pub fn bounce(self, bounce: u32) -> Def {
        Def { bounce, ..self }
    }
    pub fn depends(self, file: usize) -> Def {
        Def { depends: self.depends | 1 << file, ..self }
    }

    pub fn again(self, again: Again) -> Def {
        Def { again, ..self }
    }
    pub fn ended(self, ended: Ended) -> Def {
        Def { ended, ..self }
    }

    /// Whether only what lets a process run on may differ.
    pub fn same(self, other: Def) -> bool {
        let fixed = |def: Def| def.order(0).again(Again::default()).ended(Ended::default());
        fixed(self) == fixed(other)
    }

    pub fn files(self) -> impl Iterator<Item = usize> {
        (0..FILES.len()).filter(move |file| self.depends & 1 << file != 0)
    }

    pub fn spec(self) -> JobSpec {
        // The third file is written relative to the working directory.
        let text = |file: usize| if file == 2 { b"relative".to_vec() } else { FILES[file].into() };
        JobSpec::from(JobDraft {
            name: self.name.into(),
            cmd: ["/bin/job", &self.version.to_string()].into(),
            dir: Some(b"/srv".to_vec()),
            depends: self.files().map(text).collect(),
            policy: Policy {
                order: self.order,
                fixed: Fixed {
                    bounce_every: (self.bounce > 0).then(|| Duration::from_secs(self.bounce.into())),
                    disable: self.disable,
                    wait: self.wait,
                    once: self.once,
                },
                restart: self.again.model(),
                stop: self.ended.stop(),
                reload: self.ended.reload(),
                ..Policy::default()
            },
            ..JobDraft::default()
        })
    }
}

/// A file without a byte.
pub const BLANK: Fingerprint = Fingerprint { bytes: 0, hash: 0 };

/// Equal contents have equal fingerprints.
pub fn fingerprint(defs: &[Def], lines: &[Station], end: EndRules) -> Fingerprint {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    if end != EndRules::default() {
        hash ^= 1 + u64::from(end.when_done) + end.within.map_or(0, |within| 2 + within.as_secs());
    }
    for def in defs {
        let flags = u64::from(def.wait) | u64::from(def.once) << 1 | u64::from(def.disable) << 2;
        let numbers = [def.version.into(), def.order.unsigned_abs().into(), flags, def.bounce.into()];
        let name = def.name.bytes().map(u64::from);
        let sign = u64::from(def.order < 0) << 9 | u64::from(def.depends);
        let mut rules = std::hash::DefaultHasher::new();
        (def.again, def.ended).hash(&mut rules);
        let rules = if (def.again, def.ended) == Default::default() { 0 } else { rules.finish() };
        for part in numbers.into_iter().chain(name).chain([sign ^ rules]) {
            hash = (hash ^ part).wrapping_mul(0x0100_0000_01b3);
        }
    }
    for line in lines {
        let part = u64::from(line.endpoint.address.port()) << 1 | u64::from(line.role == Role::Listen);
        hash = (hash ^ part).wrapping_mul(0x0100_0000_01b3);
    }
    // There is a comment in each.
    Fingerprint { bytes: 1 + defs.len() as u64, hash }
}
