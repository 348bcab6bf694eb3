//! What the invented world does when an action has no answer, and how helpers begin.

use crate::def::FILES;
use crate::processes::Parent;
use crate::world::{Happening, World};
use pmtr::model::{
    Birth, Ending, Errno, Exit, Fingerprint, JobLine, JobSpec, Notice, Pid, Signal, SocketId, SpawnError,
    Stage, Target, Verdict, Words,
};
use pmtr::supervisor::Effect;
use std::time::Duration;

impl World {
    pub fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Signal(target, signal) => self.signal(target, signal),
            Effect::Log(notice) => self.logs(notice),
            Effect::Watch(path) => self.watch(&path),
            Effect::Unwatch(path) => self.unwatch(&path),
            Effect::Close(id) => self.close(id),
            Effect::Keep(content) => self.keep(content),
            Effect::TrimMemory => self.reference.trims(),
            Effect::Answer(_, verdicts) => self.answer(&verdicts),
            Effect::Release(group) => self.release(group),
            Effect::Forget(_) => {}
        }
    }

    fn keep(&mut self, content: Fingerprint) {
        self.note(|| format!("  keep {content:?}"));
        self.reference.keeps(content);
    }

    fn signal(&mut self, target: Target, signal: Signal) {
        self.note(|| format!("  signal {} to {target:?}", signal.0));
        let Some(group) = self.reference.signals(self.now, target, signal) else { return };
        if self.tracing {
            self.signals.push((self.now, target, signal));
        }
        for (serial, after, ending) in self.processes.signal(group, target, signal) {
            self.after(after, Happening::End(serial, ending));
        }
    }

    fn logs(&mut self, notice: Notice) {
        self.note(|| format!("  log: {notice}"));
        self.reference.logs(self.now, &notice);
        if self.tracing {
            self.log.push((self.now, notice));
        }
    }

    fn watch(&mut self, path: &[u8]) {
        let file = FILES.iter().position(|file| file.as_bytes() == path).unwrap();
        self.reference.watched(file, true);
        self.after(self.facts_after, Happening::Fact(file));
    }

    fn unwatch(&mut self, path: &[u8]) {
        let file = FILES.iter().position(|file| file.as_bytes() == path).unwrap();
        self.reference.watched(file, false);
    }

    fn close(&mut self, id: SocketId) {
        let station = self.sockets.open.remove(&id);
        self.note(|| format!("  close {station:?}"));
        self.deed("close", station.as_ref());
        self.reference.closes(id);
    }

    fn answer(&mut self, verdicts: &[Verdict]) {
        self.note(|| format!("  answer {verdicts:?}"));
        self.reference.answers(verdicts);
        if self.tracing {
            let text = String::from_utf8(pmtr::wire::control::answer(verdicts)).unwrap();
            self.sockets.answers.push((self.now, text));
        }
    }

    fn release(&mut self, group: Pid) {
        if !self.kept.remove(&group) {
            self.reference.broken("a group is released once", &group);
        }
    }

    /// A command beside a job.
    pub fn start_helper(&mut self, spec: &JobSpec, command: &Words, main: Pid) -> Result<Birth, SpawnError> {
        let plan = self.planned(&format!(
            "{} {}",
            spec.name,
            String::from_utf8_lossy(command.iter().next().unwrap())
        ));
        let full = SpawnError { stage: Stage::Fork, errno: Errno(11) };
        let born = match plan.fail {
            Some(error) => Err(error),
            None => self.processes.fork(Parent::Us, None, plan.temper).map(|p| (p.pid, p.serial)).ok_or(full),
        };
        self.note(|| format!("  help {} for {main:?}: {born:?}", spec.name));
        self.reference.helps(self.now, spec, command, main, born);
        let (pid, serial) = born?;
        for (temper, parent) in plan.members {
            self.processes.fork(parent.unwrap_or(Parent::Process(pid)), Some((pid, serial)), temper);
        }
        let life = plan.life.unwrap_or((Duration::from_secs(1), Ending::Ran(Exit::Code(0))));
        self.after(life.0, Happening::End(serial, life.1));
        Ok(Birth::Executed(pid))
    }
}

/// A job as a report tells of it.
pub fn told(job: &JobLine<'_>) -> String {
    let mut line = Vec::new();
    pmtr::wire::report::encode_line(job, &mut line);
    String::from_utf8(line).unwrap().trim_end().into()
}
