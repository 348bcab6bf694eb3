//! A program on the other host that prints what it receives.

use super::*;

/// Prints one datagram as it came, once it can: Python, because sockets can't change their namespace.
pub(super) const CATCH: &str = "
import socket, sys, struct
group, port, interface = sys.argv[1], int(sys.argv[2]), sys.argv[3]
family = socket.AF_INET6 if ':' in group else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.bind((group if family == socket.AF_INET else '::', port))
if interface:
    index = socket.if_nametoindex(interface)
    if family == socket.AF_INET:
        join = socket.inet_aton(group) + struct.pack('=4si', b'\\0' * 4, index)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, join)
    else:
        join = socket.inet_pton(family, group) + struct.pack('=i', index)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, join)
print('ready', flush=True)
data, sender = s.recvfrom(65536)
print(sender[0].split('%')[0])
print(data.decode())
";

/// A program of the other host, which ends with its owner.
pub struct Catcher {
    pub(super) child: Child,
    pub(super) stdout: std::io::BufReader<std::process::ChildStdout>,
}

impl Catcher {
    pub fn of(command: &mut Command) -> Catcher {
        let mut child = command.spawn().unwrap();
        let stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        Catcher { child, stdout }
    }

    /// Who sent the datagram, and what was in it.
    pub(super) fn caught(mut self) -> (String, String) {
        use std::io::Read;
        let mut text = String::new();
        self.stdout.read_to_string(&mut text).unwrap();
        let (sender, datagram) = text.split_once('\n').unwrap();
        (sender.to_owned(), datagram.to_owned())
    }
}

impl Drop for Catcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
