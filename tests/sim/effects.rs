//! What the invented world does when an action has no answer.

use crate::def::FILES;
use crate::world::{Happening, World};
use pmtr::model::{Fingerprint, Notice, Pid, Signal, SocketId, Target, Verdict};
use pmtr::supervisor::Effect;

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
}
