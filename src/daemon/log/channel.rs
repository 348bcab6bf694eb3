//! One way out for lines: sends what can be sent, then waits for room or for a while.

use super::backlog::{Backlog, Speaker};
use super::line::LineWriter;
use super::ring::RingItem;
use super::transport::{Answer, Transport};
use crate::daemon::tokens::Descriptor;
use crate::model::{MonoTime, Notice};
use mio::unix::SourceFd;
use mio::{Interest, Registry};
use std::os::fd::RawFd;
use std::time::Duration;

/// How many lines one flush sends at most, so that other work is done.
const BUDGET: usize = 1_024;
/// How long to wait before a retry if nothing reports when it makes sense.
const RETRY: Duration = Duration::from_millis(500);
/// The pause doubles with each failure in a row, up to this: without a log daemon, as in most containers, pmtr must
/// be able to sleep. A new line is a reason to retry earlier.
const RETRY_AT_MOST: Duration = Duration::from_secs(600);
/// How long a job with a full ring is not read while no line gets out. After that, its lines are lost and counted,
/// and a log daemon that hangs delays the job no longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// One reader of the backlog, and the transport to it.
pub(super) struct Channel {
    pub(super) reader: usize,
    transport: Box<dyn Transport>,
    state: ChannelState,
    flow: Flow,
    /// Registered with the poll; only while there was no room.
    armed: Option<RawFd>,
    /// Reused for each frame.
    frame: Vec<u8>,
    /// The newest line at the last attempt.
    newest: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChannelState {
    /// Sending is possible.
    Open,
    /// The limit was reached before the lines ended.
    More,
    /// No room; the poll reports when there is.
    Blocked,
    /// Absent since `tried`; to be tried again after `wait`.
    Retry { tried: MonoTime, wait: Duration },
    /// Never again.
    Gone,
}

/// Whether lines get out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Moving,
    Stuck {
        since: MonoTime,
    },
    /// Stuck for longer than jobs may be delayed.
    GivenUp,
}

impl Channel {
    pub(super) fn new(reader: usize, transport: Box<dyn Transport>) -> Channel {
        let (state, flow) = (ChannelState::Open, Flow::Moving);
        Channel { reader, transport, state, flow, armed: None, frame: Vec::new(), newest: 0 }
    }

    /// Sends what can be sent now. Makes no system call if there is nothing to send.
    pub(super) fn flush(
        &mut self,
        now: MonoTime,
        registry: &Registry,
        backlog: &mut Backlog,
        writer: &mut LineWriter,
    ) {
        if let Flow::Stuck { since } = self.flow
            && now.since(since) >= PATIENCE
        {
            self.flow = Flow::GivenUp;
        }
        match self.state {
            ChannelState::Open | ChannelState::More => {}
            ChannelState::Retry { tried, wait } if tried + wait <= now => {}
            ChannelState::Retry { tried, .. } if tried + RETRY <= now && backlog.newest() != self.newest => {}
            ChannelState::Retry { .. } | ChannelState::Blocked | ChannelState::Gone => return,
        }
        let waited = match self.state {
            ChannelState::Retry { wait, .. } => wait,
            ChannelState::Open | ChannelState::More | ChannelState::Blocked | ChannelState::Gone => {
                Duration::ZERO
            }
        };
        self.newest = backlog.newest();
        self.disarm(registry);
        self.transport.begin();
        let mut sent = 0;
        let answer = loop {
            if sent == BUDGET {
                break None;
            }
            let Some((speaker, next)) = backlog.next(self.reader) else {
                break Some(self.transport.push());
            };
            self.frame.clear();
            match (next, &speaker) {
                (RingItem::Line(line), _) => self.transport.encode(line, &mut self.frame),
                (RingItem::Lost(lines), speaker) => {
                    let notice = match speaker {
                        Speaker::Main => Notice::Lost { lines },
                        Speaker::Job(name) => Notice::LinesLost { job: name.as_bytes().into(), lines },
                    };
                    self.transport.encode(&writer.notice(&notice), &mut self.frame);
                }
            }
            match self.transport.send(&self.frame) {
                Answer::Taken => backlog.advance(&speaker, self.reader),
                answer @ (Answer::Full | Answer::Later | Answer::Gone) => break Some(answer),
            }
            sent += 1;
        };
        self.state = match answer {
            None => ChannelState::More,
            Some(Answer::Taken) => ChannelState::Open,
            Some(Answer::Full) if self.arm(registry) => ChannelState::Blocked,
            Some(Answer::Full | Answer::Later) => {
                let wait = if sent > 0 { RETRY } else { (waited * 2).clamp(RETRY, RETRY_AT_MOST) };
                ChannelState::Retry { tried: now, wait }
            }
            Some(Answer::Gone) => {
                backlog.retire(self.reader);
                ChannelState::Gone
            }
        };
        self.flow = match (self.state, self.flow) {
            (ChannelState::Open | ChannelState::More | ChannelState::Gone, _) => Flow::Moving,
            (ChannelState::Blocked | ChannelState::Retry { .. }, flow)
                if sent == 0 && flow != Flow::Moving =>
            {
                flow
            }
            (ChannelState::Blocked | ChannelState::Retry { .. }, _) => Flow::Stuck { since: now },
        };
    }

    /// The poll reports room, or that something happened to the descriptor.
    pub(super) fn ready(&mut self) {
        if self.state == ChannelState::Blocked {
            self.state = ChannelState::Open;
        }
    }

    /// Whether a flush would send more at once.
    pub(super) fn has_more(&self, backlog: &Backlog) -> bool {
        match self.state {
            ChannelState::More => true,
            ChannelState::Open => backlog.has(self.reader),
            ChannelState::Blocked | ChannelState::Retry { .. } | ChannelState::Gone => false,
        }
    }

    /// When to flush if nothing else asks for it.
    pub(super) fn deadline(&self, backlog: &Backlog) -> Option<MonoTime> {
        let retry = match self.state {
            ChannelState::Retry { tried, .. } if backlog.newest() != self.newest => Some(tried + RETRY),
            ChannelState::Retry { tried, wait } => Some(tried + wait),
            ChannelState::Open | ChannelState::More | ChannelState::Blocked | ChannelState::Gone => None,
        };
        let patience = match self.flow {
            // When this reader is given up, jobs with full rings and a state dump continue.
            Flow::Stuck { since } => Some(since + PATIENCE),
            Flow::Moving | Flow::GivenUp => None,
        };
        retry.into_iter().chain(patience).min()
    }

    /// Whether lines get out here, or may soon.
    pub(super) fn has_hope(&self) -> bool {
        self.state != ChannelState::Gone && self.flow != Flow::GivenUp
    }

    /// The exit: tries at once what would have been tried later.
    pub(super) fn hurry(&mut self) {
        if self.state != ChannelState::Gone {
            self.state = ChannelState::Open;
        }
    }

    /// Whether there is no room now but will be some.
    pub(super) fn is_blocked(&self) -> bool {
        self.state == ChannelState::Blocked
    }

    /// Registers the descriptor again, so that room which has come meanwhile is reported too.
    fn arm(&mut self, registry: &Registry) -> bool {
        self.armed = self.transport.fd();
        let token = Descriptor::Log(self.reader).token();
        self.armed.is_some_and(|fd| registry.register(&mut SourceFd(&fd), token, Interest::WRITABLE).is_ok())
    }

    fn disarm(&mut self, registry: &Registry) {
        if let Some(fd) = self.armed.take() {
            // An error means that the poll does not know the descriptor, which is the goal.
            let _ = registry.deregister(&mut SourceFd(&fd));
        }
    }
}
