//! Answers of the world that are a no: which there are, and the n-th of a kind on purpose.

use crate::rng::Rng;
use pmtr::model::{
    Errno, FilePlace, Fingerprint, LoadError, Mistake, MonoTime, NetError, Severity, SpawnError, Stage,
};

/// What can be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A process.
    Spawn(SpawnError),
    /// A process has come to nothing before it ran its command.
    Command(SpawnError),
    /// The file. What it says of itself holds until it is touched; what the machine says, for once.
    Load(LoadError),
    /// A socket.
    Open(NetError),
    /// A report, where it went.
    Report,
    /// A word to the service manager.
    Notify,
}

/// The n-th answer of a kind, and what it is instead.
pub struct Fault {
    pub refusal: Refusal,
    /// How many answers of this kind are still good.
    pub left: u32,
    /// When it came to that.
    pub at: Option<MonoTime>,
}

impl Fault {
    /// What this answer is instead, if it is the one.
    pub fn strikes(&mut self, now: MonoTime, kind: impl Fn(&Refusal) -> bool) -> Option<Refusal> {
        if self.at.is_some() || !kind(&self.refusal) {
            return None;
        }
        let Some(left) = self.left.checked_sub(1) else {
            self.at = Some(now);
            return Some(self.refusal.clone());
        };
        self.left = left;
        None
    }
}

/// What keeps us from making a process.
pub const NO_PROCESS: [SpawnError; 4] = [
    SpawnError { stage: Stage::Fork, errno: Errno(11) },
    SpawnError { stage: Stage::Fork, errno: Errno(12) },
    SpawnError { stage: Stage::Prepare, errno: Errno(24) },
    SpawnError { stage: Stage::Prepare, errno: Errno(12) },
];

/// What keeps a process from its command, at each stage.
pub const NO_COMMAND: [SpawnError; 22] = [
    SpawnError { stage: Stage::Close, errno: Errno(12) },
    SpawnError { stage: Stage::Session, errno: Errno(1) },
    // No such user, for which there is no number.
    SpawnError { stage: Stage::User, errno: Errno(0) },
    SpawnError { stage: Stage::Group, errno: Errno(0) },
    SpawnError { stage: Stage::Member(1), errno: Errno(5) },
    SpawnError { stage: Stage::MakeDir(0), errno: Errno(13) },
    // The number of a fault, and its line.
    SpawnError { stage: Stage::EnvFile(FilePlace { file: 1, line: 3 }), errno: Errno(1) },
    SpawnError { stage: Stage::OomScore, errno: Errno(13) },
    SpawnError { stage: Stage::Dir, errno: Errno(2) },
    SpawnError { stage: Stage::Nice, errno: Errno(13) },
    SpawnError { stage: Stage::Cpu, errno: Errno(22) },
    SpawnError { stage: Stage::Limit(0), errno: Errno(1) },
    SpawnError { stage: Stage::Groups, errno: Errno(1) },
    SpawnError { stage: Stage::Gid, errno: Errno(1) },
    SpawnError { stage: Stage::Uid, errno: Errno(11) },
    SpawnError { stage: Stage::Capability(13), errno: Errno(1) },
    SpawnError { stage: Stage::In, errno: Errno(2) },
    SpawnError { stage: Stage::Out, errno: Errno(28) },
    SpawnError { stage: Stage::Err, errno: Errno(13) },
    SpawnError { stage: Stage::NoNewPrivileges, errno: Errno(22) },
    SpawnError { stage: Stage::Signals, errno: Errno(22) },
    SpawnError { stage: Stage::Exec, errno: Errno(2) },
];

/// What keeps a socket from being opened.
pub const NO_SOCKET: [NetError; 5] = [
    NetError::NoInterface,
    NetError::NoMulticast,
    NetError::Failed(Errno(24)),
    NetError::Failed(Errno(98)),
    NetError::Failed(Errno(12)),
];

/// What keeps the file from being read though nothing is wrong with it.
pub const NO_FILE: [Errno; 4] = [Errno(5), Errno(12), Errno(13), Errno(24)];

/// Somebody is writing the file.
pub const BUSY: LoadError = LoadError::Busy(Fingerprint { bytes: 1, hash: 0 });

/// Mistakes of a file.
pub fn mistakes(count: u32) -> LoadError {
    let mistake = |line| Mistake {
        line,
        column: 3,
        width: 4,
        text: (*b"  uesr me").into(),
        ..Mistake::of_file(*b"/etc/pmtr.conf", Severity::Error, "unknown option")
    };
    LoadError::Mistakes((1..=count).map(mistake).collect())
}

/// The file can't be read just now, once in a while.
pub fn unreadable(rng: &mut Rng) -> Option<LoadError> {
    if !rng.one_in(8) {
        return None;
    }
    let errno = rng.pick(&NO_FILE);
    Some(match rng.one_in(4) {
        true => LoadError::PartUnreadable((*b"/etc/pmtr.d").into(), errno),
        false => LoadError::Unreadable(errno),
    })
}
