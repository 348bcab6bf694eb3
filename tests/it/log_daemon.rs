//! A log daemon of the tests' own, at a path that the daemon in its own mount namespace takes for /run/log.

use crate::support::Dir;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

pub const OWN_RUN: [&str; 2] = ["unshare", "--mount"];
pub const OWN_RUN_SCRIPT: &str = "mount --make-rprivate /; if [ -S /dev/log ]; then mount --bind /dev/null /dev/log; fi; mount --bind DIR/run /run; exec PMTR -Fc CONF";

/// One that reads datagrams when it is asked to.
pub struct LogDaemon {
    socket: UnixDatagram,
    pub lines: Vec<String>,
}

impl LogDaemon {
    /// Takes the place of the one before, which goes on with what it has got.
    pub fn at(dir: &Dir) -> LogDaemon {
        let path = dir.join("run/log");
        let _ = std::fs::create_dir(dir.join("run"));
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        LogDaemon { socket, lines: Vec::new() }
    }

    pub fn read_one(&mut self) -> String {
        let mut buffer = [0; 4096];
        // With a time limit, whatever stops this process for a moment interrupts the call.
        let length = loop {
            match self.socket.recv(&mut buffer) {
                Err(why) if why.kind() == std::io::ErrorKind::Interrupted => {}
                answer => break answer.unwrap(),
            }
        };
        let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
        self.lines.push(line.clone());
        line
    }

    pub fn wait(&mut self, text: &str) -> String {
        loop {
            let line = self.read_one();
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Takes nothing more, and reads what it has got.
    pub fn last_words(mut self) -> Vec<String> {
        self.socket.shutdown(std::net::Shutdown::Read).unwrap();
        while !self.read_one().is_empty() {}
        self.lines.pop();
        self.lines
    }
}

/// What stands behind the priority and the time.
pub fn text_of(line: &str) -> &str {
    let end = line.find('>').unwrap_or_else(|| panic!("no priority in {line:?}"));
    &line[end + 1 + "Nov  5 09:03:07 ".len()..]
}
