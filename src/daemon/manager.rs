//! The service manager that started pmtr, if it wants notifications: a datagram socket on which it listens.
//! The core decides what to send and when.
#![forbid(unsafe_code)]

use crate::model::{Clean, NotifyMessage, Pid};
use crate::sys::clock;
use crate::wire::notify;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The environment variable with the manager's socket.
pub(super) const SOCKET: &str = "NOTIFY_SOCKET";
/// The manager acts after this many microseconds without a sign of life.
pub(super) const WATCHDOG_USEC: &str = "WATCHDOG_USEC";
/// The process that has to give the signs of life; if it is not set, pmtr.
pub(super) const WATCHDOG_PID: &str = "WATCHDOG_PID";

/// The shortest time between two signs of life.
const MOST_OFTEN: Duration = Duration::from_millis(1);

/// A service manager that listens.
pub(super) struct ServiceManager {
    address: SocketAddr,
    /// Never connected: each message looks the address up, so it goes to the current listener.
    socket: Option<UnixDatagram>,
    main_pid: Option<Pid>,
}

impl ServiceManager {
    /// The manager at this address, which is a path or a name after `@`. `main_pid` tells the manager the number of our
    /// process if it can't know it.
    pub(super) fn at(address: &OsStr, main_pid: Option<Pid>) -> Result<ServiceManager, String> {
        let unfit = |why: &str| format!("{SOCKET}={}: {why}", Clean(address.as_bytes()));
        let address = match address.as_bytes() {
            [b'@', name @ ..] if !name.is_empty() => SocketAddr::from_abstract_name(name),
            [b'/', ..] => SocketAddr::from_pathname(address),
            _ => return Err(unfit("neither a path nor an abstract name")),
        };
        let address = address.map_err(|_| unfit("not the address of a socket"))?;
        Ok(ServiceManager { address, socket: None, main_pid })
    }

    /// Sends one message. False if it has to be sent again. Never blocks.
    pub(super) fn notify(&mut self, message: &NotifyMessage) -> bool {
        // Not the time of the turn: the manager compares it with the time at which it asked for the reload.
        let datagram = notify::encode(message, clock::now(), self.main_pid);
        let sent = match &self.socket {
            Some(socket) => socket.send_to_addr(&datagram, &self.address),
            None => {
                unbound().and_then(|socket| self.socket.insert(socket).send_to_addr(&datagram, &self.address))
            }
        };
        sent.is_ok()
    }
}

fn unbound() -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// How often the manager wants a sign of life: twice within the time after which it acts.
pub(super) fn watchdog(usec: Option<&OsStr>, pid: Option<&OsStr>, own_pid: Pid) -> Option<Duration> {
    let number = |text: &OsStr| text.to_str()?.parse::<u64>().ok();
    let is_ours = |pid| number(pid) == u64::try_from(own_pid.as_raw()).ok();
    if !pid.is_none_or(is_ours) {
        return None;
    }
    let usec = usec.and_then(number).filter(|usec| *usec > 0)?;
    Some((Duration::from_micros(usec) / 2).max(MOST_OFTEN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_or_an_abstract_name_is_an_address() {
        let long = format!("/{}", "x".repeat(200));
        let abstract_long = format!("@{}", "x".repeat(200));
        for (address, fit) in [
            ("/run/systemd/notify", true),
            ("@/org/manager", true),
            ("@x", true),
            ("", false),
            ("@", false),
            ("run/notify", false),
            ("vsock:2:1234", false),
            ("vsock-stream:2:1234", false),
            (&long, false),
            (&abstract_long, false),
        ] {
            assert_eq!(ServiceManager::at(OsStr::new(address), None).is_ok(), fit, "{address}");
        }
        let told = ServiceManager::at(OsStr::new("a\x1bb"), None).err().unwrap();
        assert_eq!(told, "NOTIFY_SOCKET=a?b: neither a path nor an abstract name");
    }

    #[test]
    fn the_watchdog_is_fed_twice_in_its_time_and_only_by_whom_it_means() {
        let own = Pid::new(77).unwrap();
        for (usec, pid, wanted) in [
            (Some("3000000"), None, Some(1_500_000)),
            (Some("3000000"), Some("77"), Some(1_500_000)),
            (Some("3000000"), Some("78"), None),
            (Some("3000000"), Some(""), None),
            (Some("3000000"), Some("-77"), None),
            (Some("1"), None, Some(1_000)),
            (Some("0"), None, None),
            (Some(""), None, None),
            (Some("3s"), None, None),
            (Some("-1"), None, None),
            (None, Some("77"), None),
            (None, None, None),
        ] {
            let every = watchdog(usec.map(OsStr::new), pid.map(OsStr::new), own);
            assert_eq!(every, wanted.map(Duration::from_micros), "{usec:?} {pid:?}");
        }
    }

    #[test]
    fn a_manager_that_comes_back_gets_what_comes_then_and_a_full_one_blocks_nobody() {
        let name = format!("pmtr-manager-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let message = NotifyMessage { alive: true, ..NotifyMessage::default() };
        let mut manager = ServiceManager::at(OsStr::new(&format!("@{name}")), None).unwrap();
        assert!(!manager.notify(&message));
        for _ in 0..2 {
            let listener = UnixDatagram::bind_addr(&address).unwrap();
            assert!(manager.notify(&message));
            let mut buffer = [0; 100];
            assert_eq!(listener.recv(&mut buffer).unwrap(), "WATCHDOG=1\n".len());
            while manager.notify(&message) {}
        }
        assert!(!manager.notify(&message));
    }
}
