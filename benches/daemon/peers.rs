//! Other supervisors, whichever are found: each with the least that it can be told to do for a job.

use super::bare;
use super::keeper::{Keeper, Original};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Those that are on this machine, and the names of those that are not.
pub fn find() -> (Vec<Box<dyn Keeper>>, Vec<&'static str>) {
    let (mut found, mut missing): (Vec<Box<dyn Keeper>>, _) = (Vec::new(), Vec::new());
    for peer in PEERS {
        match program(peer.program) {
            Some(program) => found.push(Box::new(Found { peer, program })),
            None => missing.push(peer.name),
        }
    }
    match std::env::var_os("PMTR_C").map(PathBuf::from) {
        Some(program) => found.push(Box::new(Original { program })),
        None => missing.push("the C original (PMTR_C=its path)"),
    }
    (found, missing)
}

/// One that is told apart from others by no more than this.
#[derive(Clone, Copy)]
struct Peer {
    name: &'static str,
    program: &'static str,
    most: usize,
    /// Lays out the jobs, and tells the arguments.
    lay_out: fn(&Path, &Path, usize) -> Vec<String>,
    end: End,
}

#[derive(Clone, Copy)]
enum End {
    Signal(i32),
    /// This command with the directories of all services, and then the signal for the one who looks for them.
    Services(&'static str, &'static [&'static str], i32),
}

const PEERS: [Peer; 6] = [
    Peer {
        name: "runit",
        program: "runsvdir",
        most: 1_000,
        lay_out: |dir, job, jobs| {
            services(dir, job, jobs);
            vec!["-P".to_string(), text(&dir.join("services"))]
        },
        end: End::Signal(libc::SIGHUP),
    },
    Peer {
        name: "s6",
        program: "s6-svscan",
        most: 1_000,
        lay_out: |dir, job, jobs| {
            services(dir, job, jobs);
            for service in fs::read_dir(dir.join("services")).unwrap().flatten() {
                // One that has never been ready is started again after a second.
                fs::write(service.path().join("notification-fd"), "3\n").unwrap();
            }
            vec!["-c".to_string(), "2000".to_string(), text(&dir.join("services"))]
        },
        end: End::Signal(libc::SIGTERM),
    },
    Peer {
        name: "daemontools",
        program: "svscan",
        most: 1_000,
        lay_out: |dir, job, jobs| {
            services(dir, job, jobs);
            vec![text(&dir.join("services"))]
        },
        end: End::Services("svc", &["-dx"], libc::SIGTERM),
    },
    Peer {
        name: "supervisord",
        program: "supervisord",
        most: 1_000,
        lay_out: |dir, job, jobs| {
            let config = format!(
                "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\nloglevel=critical\n\
                 pidfile={0}/pid\nminfds=4096\n[program:job]\ncommand={1}\nnumprocs={jobs}\n\
                 process_name=job-%(process_num)d\nstartsecs=0\nautorestart=true\nstdout_logfile=NONE\n\
                 stderr_logfile=NONE\n",
                dir.display(),
                command(job)
            );
            fs::write(dir.join("conf"), config).unwrap();
            vec!["-c".to_string(), text(&dir.join("conf"))]
        },
        end: End::Signal(libc::SIGTERM),
    },
    Peer {
        name: "monit",
        program: "monit",
        most: 10,
        lay_out: |dir, job, jobs| {
            let dir = dir.display();
            let mut config = format!(
                "set daemon 1\nset pidfile {dir}/pid\nset idfile {dir}/id\nset statefile {dir}/state\n"
            );
            for i in 0..jobs {
                let (job, mark) = (job.display(), format!("--number-{i}-"));
                let _ = write!(
                    config,
                    "check process job-{i} matching \"{job} {mark}\"\n  start program = \"/bin/sh -c '{job} {mark} &'\"\n"
                );
            }
            let path = format!("{dir}/conf");
            fs::write(&path, config).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            vec!["-I".to_string(), "-c".to_string(), path]
        },
        end: End::Signal(libc::SIGTERM),
    },
    Peer {
        name: "dinit",
        program: "dinit",
        most: 1_000,
        lay_out: |dir, job, jobs| {
            let services = dir.join("services");
            fs::create_dir(&services).unwrap();
            let mut boot = "type = internal\n".to_string();
            for i in 0..jobs {
                let _ = writeln!(boot, "waits-for = job-{i}");
                let service = format!(
                    "type = process\ncommand = {}\nrestart = true\nrestart-delay = 0\nrestart-limit-count = 0\n\
                     smooth-recovery = true\n",
                    command(job)
                );
                fs::write(services.join(format!("job-{i}")), service).unwrap();
            }
            fs::write(services.join("boot"), boot).unwrap();
            let socket = text(&dir.join("socket"));
            ["-u", "-q", "-p", &socket, "-d", &text(&services), "boot"].map(str::to_string).to_vec()
        },
        end: End::Signal(libc::SIGTERM),
    },
];

struct Found {
    peer: Peer,
    program: PathBuf,
}

impl Keeper for Found {
    fn name(&self) -> &str {
        self.peer.name
    }

    fn most(&self) -> usize {
        self.peer.most
    }

    fn prepare(&self, dir: &Path, job: &Path, jobs: usize) -> Command {
        let mut command = Command::new(&self.program);
        command.args((self.peer.lay_out)(dir, job, jobs)).stdout(Stdio::null());
        command
    }

    fn end(&self, dir: &Path, pid: u32) {
        match self.peer.end {
            End::Signal(signal) => bare::kill(pid, signal),
            End::Services(program, arguments, signal) => {
                // First of all, or who has ended is started again.
                bare::kill(pid, signal);
                let all = fs::read_dir(dir.join("services")).unwrap().flatten().map(|entry| entry.path());
                let mut command = Command::new(program);
                let _ = command.args(arguments).args(all).stderr(Stdio::null()).status();
            }
        }
    }
}

/// A directory for each job, with a `run` that is the job itself and no script.
fn services(dir: &Path, job: &Path, jobs: usize) {
    fs::create_dir(dir.join("services")).unwrap();
    for i in 0..jobs {
        let service = dir.join("services").join(format!("job-{i}"));
        fs::create_dir_all(&service).unwrap();
        symlink(job, service.join("run")).unwrap();
    }
}

fn command(job: &Path) -> String {
    format!("{} --config /etc/service.conf --listen 127.0.0.1 v0", job.display())
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_string()
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let usual = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/command", "/opt/bin"];
    let dirs = path.split(':').chain(usual);
    dirs.map(|dir| Path::new(dir).join(name)).find(|program| program.is_file())
}
