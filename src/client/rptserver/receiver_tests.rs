use super::super::inbox::BUDGET;
use super::*;
use crate::fleet::Limits;
use crate::sys::udp::Received;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

const STALE_AFTER: Duration = Duration::from_secs(60);

fn at(secs: u64) -> MonoTime {
    MonoTime::ZERO + Duration::from_secs(secs)
}

struct ReceiverBench {
    inbox: Inbox,
    fleet: Fleet,
    doubt: Doubt,
    /// The unread datagrams of the socket.
    waiting: Rc<RefCell<VecDeque<Vec<u8>>>>,
}

impl ReceiverBench {
    fn new() -> ReceiverBench {
        let waiting = Rc::new(RefCell::new(VecDeque::<Vec<u8>>::new()));
        let socket = Rc::clone(&waiting);
        let receive = move |buffer: &mut [u8]| match socket.borrow_mut().pop_front() {
            None => Err(ErrorKind::WouldBlock.into()),
            Some(datagram) => {
                buffer[..datagram.len()].copy_from_slice(&datagram);
                let from = "[::ffff:192.0.2.7]:4711".parse().unwrap();
                Ok(Received { bytes: datagram.len(), from, local: None })
            }
        };
        let limits = Limits {
            hosts: 10,
            names_per_address: 10,
            jobs_per_host: 10,
            bytes: 1 << 20,
            stale_after: STALE_AFTER,
        };
        ReceiverBench {
            inbox: Inbox::new(Box::new(receive)),
            fleet: Fleet::new(limits),
            doubt: Doubt::default(),
            waiting,
        }
    }

    /// What the loop does in one turn, whatever woke it.
    fn turn(&mut self, now: MonoTime) {
        self.inbox.ready();
        let (mut notes, mut lines) = (Vec::new(), Vec::new());
        self.inbox.work(now, &mut self.fleet, &mut notes, &mut lines);
        if self.doubt.is_over(now, self.inbox.is_drained()) {
            self.fleet.tick(now, &mut notes);
        }
    }

    fn hosts(&self) -> usize {
        self.fleet.complete()
    }

    fn send(&self, text: &str) {
        self.waiting.borrow_mut().push_back(text.into());
    }
}

#[test]
fn after_a_hold_up_no_host_with_unread_reports_is_silent() {
    let mut bench = ReceiverBench::new();
    bench.send("report app1\n");
    bench.turn(at(0));
    assert_eq!((bench.hosts(), bench.inbox.deadline()), (1, None));
    for _ in 0..BUDGET {
        bench.send("x");
    }
    bench.send("report app1\n");
    bench.turn(at(100));
    // There is more, so the loop comes back at once.
    assert_eq!((bench.hosts(), bench.inbox.is_drained()), (1, false));
    assert!(bench.inbox.deadline().is_some_and(|at| at <= MonoTime::ZERO));
    bench.turn(at(100));
    assert_eq!((bench.hosts(), bench.inbox.is_drained()), (1, true));
    bench.turn(at(160));
    assert_eq!(bench.hosts(), 0);
}

#[test]
fn a_flood_does_not_keep_a_host_alive() {
    let mut bench = ReceiverBench::new();
    bench.send("report app1\n");
    bench.turn(at(0));
    for half in 118..124 {
        for _ in 0..2 * BUDGET {
            bench.send("x");
        }
        bench.turn(at(0) + Duration::from_millis(500) * half);
        assert_eq!(bench.hosts(), usize::from(half < 122), "{half}");
    }
}

#[test]
fn one_turn_takes_a_portion_and_no_more() {
    let mut bench = ReceiverBench::new();
    for _ in 0..BUDGET {
        bench.send("x");
    }
    bench.send("report app1\n");
    bench.turn(at(0));
    assert_eq!(bench.hosts(), 0);
    bench.turn(at(0));
    assert_eq!(bench.hosts(), 1);
}

#[test]
fn an_ipv4_mapped_address_is_shown_as_ipv4() {
    let mut bench = ReceiverBench::new();
    bench.send("report app1\n");
    bench.turn(at(0));
    let (key, _) = bench.fleet.next(None).unwrap();
    assert_eq!(key.address.to_string(), "192.0.2.7");
}
