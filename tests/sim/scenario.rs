//! What scenarios do with the simulation, and what they ask of it.

use crate::def::Def;
use crate::plan::Plan;
use crate::sim::{Sim, at, command, millis};
use crate::world::{File, Happening};
use pmtr::model::{Ending, Pid, Signal, Station, Verb};
use pmtr::supervisor::Event;
use std::time::Duration;

impl Sim {
    pub fn plan(&mut self, name: &str, plan: Plan) {
        self.world.plans.entry(name.into()).or_default().push_back(plan);
    }

    pub fn run_until(&mut self, millis: u64) {
        self.live_until(at(millis));
        self.assert_kept();
    }

    pub fn file(&mut self, file: File) {
        self.world.file = file;
        self.event(Event::ConfigSaved);
        self.assert_kept();
    }

    /// Saves the file and lets the quiet time pass.
    pub fn save(&mut self, defs: &[Def]) {
        self.file(File::Jobs(defs.to_vec()));
        self.live_until(self.world.now + Duration::from_millis(100));
        self.assert_kept();
    }

    pub fn command(&mut self, verb: Verb, name: &str) {
        self.event(command(verb, name));
        self.assert_kept();
    }

    pub fn ask(&mut self, event: Event) {
        self.event(event);
        self.assert_kept();
    }

    /// Saves the file with these lines for sockets and lets the quiet time pass.
    pub fn save_lines(&mut self, defs: &[Def], lines: &[Station]) {
        self.world.sockets.lines = lines.to_vec();
        self.save(defs);
    }

    /// A file on which jobs depend now holds this.
    pub fn write(&mut self, file: usize, content: Option<u32>) {
        self.world.contents[file] = content;
        self.world.after(Duration::ZERO, Happening::Fact(file));
        self.live_until(self.world.now);
        self.assert_kept();
    }

    /// The main process of the job ends by itself.
    pub fn exits(&mut self, name: &str, ending: Ending) {
        let serial = self.world.reference.life(name).unwrap().run.as_ref().unwrap().serial;
        self.world.processes.end(serial, ending);
        self.wake();
        self.assert_kept();
    }

    pub fn pid(&self, name: &str) -> Option<Pid> {
        let run = self.world.reference.life(name)?.run.as_ref()?;
        run.reaped.is_none().then_some(run.pid)
    }

    /// When the job was started, in milliseconds.
    pub fn starts(&self, name: &str) -> Vec<u128> {
        let starts = self.world.starts.iter().filter(|(_, who, _)| who == name);
        starts.map(|(at, _, _)| millis(*at)).collect()
    }

    /// Which job started after which.
    pub fn order(&self) -> String {
        self.world.starts.iter().map(|(_, name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// When a signal was sent, in milliseconds.
    pub fn sent(&self, signal: Signal) -> Vec<u128> {
        self.world.signals.iter().filter(|(_, _, s)| *s == signal).map(|(at, _, _)| millis(*at)).collect()
    }

    /// When there were reports, in milliseconds.
    pub fn reported(&self) -> Vec<u128> {
        self.world.sockets.reports.iter().map(|(at, _)| millis(*at)).collect()
    }

    /// The last report.
    pub fn last_report(&self) -> &str {
        self.world.sockets.reports.last().map_or("", |(_, text)| text)
    }

    /// What was opened and closed since this was asked last.
    pub fn deeds(&mut self) -> Vec<String> {
        let deeds = self.world.sockets.deeds.drain(..);
        deeds.map(|(at, what)| format!("{} {what}", millis(at))).collect()
    }

    /// What the service manager was told since this was asked last, with the time in milliseconds.
    pub fn notified(&mut self) -> Vec<String> {
        let told = self.world.manager.told.drain(..);
        told.map(|(at, text)| format!("{} {text}", millis(at))).collect()
    }

    /// When a line with this text was logged, in milliseconds.
    pub fn logged(&self, text: &str) -> Vec<u128> {
        let lines = self.world.log.iter().filter(|(_, notice)| notice.to_string().contains(text));
        lines.map(|(at, _)| millis(*at)).collect()
    }
}
