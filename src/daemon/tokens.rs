//! The tokens under which descriptors are registered with the poll: one number holds the kind of the descriptor and its
//! number among those of this kind.
#![forbid(unsafe_code)]

use crate::model::{Pid, SocketId};
use mio::Token;

/// The low bits of a token are the kind.
const KIND_BITS: u32 = 3;
const KINDS: usize = 1 << KIND_BITS;

/// A registered descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Descriptor {
    /// The pipe of the signal handler.
    Signals,
    /// The inotify descriptor.
    Inotify,
    /// The list of mounts.
    Mounts,
    /// A destination of the log, by number.
    Log(usize),
    /// A pipe for the output of a job. Numbers are not reused.
    Output(usize),
    /// The pipe of a child that has not executed its command yet.
    Birth(Pid),
    /// A socket of the network.
    Socket(SocketId),
}

impl Descriptor {
    /// The token to register it with.
    pub(super) fn token(self) -> Token {
        let (kind, number) = match self {
            Descriptor::Signals => (0, 0),
            Descriptor::Inotify => (1, 0),
            Descriptor::Mounts => (2, 0),
            Descriptor::Log(number) => (3, number),
            Descriptor::Output(number) => (4, number),
            Descriptor::Birth(pid) => (5, usize::try_from(pid.as_raw()).unwrap_or_default()),
            Descriptor::Socket(id) => (6, id.0 as usize),
        };
        Token(number << KIND_BITS | kind)
    }

    /// The descriptor of a token.
    pub(super) fn of(token: Token) -> Option<Descriptor> {
        let number = token.0 >> KIND_BITS;
        Some(match token.0 % KINDS {
            0 => Descriptor::Signals,
            1 => Descriptor::Inotify,
            2 => Descriptor::Mounts,
            3 => Descriptor::Log(number),
            4 => Descriptor::Output(number),
            5 => Descriptor::Birth(i32::try_from(number).ok().and_then(Pid::new)?),
            6 => Descriptor::Socket(SocketId(u32::try_from(number).ok()?)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_token_stands_for_one_descriptor() {
        use Descriptor::*;
        let pid = |number| Pid::new(number).unwrap();
        let all = [
            Signals,
            Inotify,
            Mounts,
            Log(0),
            Log(1),
            Output(0),
            Output(usize::MAX >> 4),
            Birth(pid(1)),
            Birth(pid(i32::MAX)),
            Socket(SocketId(0)),
            Socket(SocketId(u32::MAX)),
        ];
        let tokens: BTreeSet<usize> = all.iter().map(|descriptor| descriptor.token().0).collect();
        assert_eq!(tokens.len(), all.len());
        assert!(all.iter().all(|descriptor| Descriptor::of(descriptor.token()) == Some(*descriptor)));
        // There is no pid 0, and no kind 7.
        assert_eq!([5, 7].map(|token| Descriptor::of(Token(token))), [None, None]);
    }
}
