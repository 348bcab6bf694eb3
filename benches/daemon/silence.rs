//! How long nobody is answered while the largest file that there can be is applied.

use super::keeper::Keeper;
use super::report::{Goal, Report};
use super::world::millis;
use super::{bare, keeper};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// As many as a file may have, each as long as fits into 10 MiB.
const JOBS: usize = 65_536;
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(1);

/// Rounds of one reload that changes each job, with questions all the while.
pub fn measure(keepers: &[Box<dyn Keeper>], place: &Path, rounds: usize, report: &mut Report) {
    if rounds == 0 {
        return;
    }
    let what = "longest silence while 10 MiB with 65536 jobs, all changed, are applied";
    let row = report.row(what, "ms", &[Goal::Most(300.0)]);
    for round in 0..rounds {
        for keeper in keepers.iter().filter(|keeper| keeper.listens()) {
            let dir = place.join(format!("silence-{round}-{}", keeper.name()));
            std::fs::create_dir(&dir).unwrap();
            report.add(row, keeper.name(), silence(keeper.as_ref(), &dir));
            let _ = std::fs::remove_dir_all(&dir);
        }
    }
}

fn config(address: SocketAddr, version: usize) -> String {
    let job = |n: usize| {
        format!("job {{\n  name job-{n}\n  cmd /bin/x {version} {}\n  disable\n}}\n", "x".repeat(100))
    };
    // The last one tells which version is in force.
    let jobs = (1..JOBS).map(job).collect::<String>();
    format!("listen on udp://{address}\n{jobs}job {{\n name version-{version}\n cmd /bin/x\n disable\n}}\n")
}

fn silence(keeper: &dyn Keeper, dir: &Path) -> Option<f64> {
    let address = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = keeper.prepare(dir, Path::new("/bin/x"), 0);
    keeper::save(dir, &config(address, 1));
    let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut child = Ended(child);
    let asker = UdpSocket::bind("127.0.0.1:0").unwrap();
    asker.connect(address).unwrap();
    asker.set_read_timeout(Some(PATIENCE)).unwrap();
    // At first nobody listens there yet.
    let begin = Instant::now();
    while !is_in_force(&asker, 1)? {
        if begin.elapsed() > PATIENCE || child.0.try_wait().unwrap().is_some() {
            return None;
        }
    }
    keeper::save(dir, &config(address, 2));
    bare::kill(child.0.id(), libc::SIGHUP);
    let (begin, mut last, mut longest, mut after) = (Instant::now(), Instant::now(), Duration::ZERO, 0);
    // What is given back afterwards counts as well.
    while after < 20 {
        let applied = is_in_force(&asker, 2)?;
        longest = longest.max(last.elapsed());
        last = Instant::now();
        after += usize::from(applied);
        if begin.elapsed() > PATIENCE {
            return None;
        }
    }
    Some(millis(longest))
}

/// Asks for what is not done, as it is done already; the answer tells whether there is such a job.
fn is_in_force(asker: &UdpSocket, version: usize) -> Option<bool> {
    std::thread::sleep(PAUSE);
    let mut answer = [0; 100];
    let sent = asker.send(format!("disable version-{version}").as_bytes());
    match sent.and_then(|_| asker.recv(&mut answer)) {
        Ok(length) => Some(answer[..length].starts_with(b"disabled")),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Some(false),
        Err(_) => None,
    }
}

/// Has no jobs that run, so it is gone at once.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
