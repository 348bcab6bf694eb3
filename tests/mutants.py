#!/usr/bin/env python3
"""Breaks the machine in one way after another and demands that the tests notice.

Each mutant is an exact replacement in a copy of the tree. It fails loudly when a mutant survives,
when a replacement no longer matches, or when one does not compile.
"""

import argparse
import concurrent.futures
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile

JOB, STOP, POLICY, CHANGES = "src/job/mod.rs", "src/job/stop.rs", "src/job/policy.rs", "src/job/changes.rs"
FAILURE, SWITCH, PROCESSES = "src/job/failure.rs", "src/job/switch.rs", "src/supervisor/processes.rs"
SUPERVISOR, GATE, INDEX = "src/supervisor/mod.rs", "src/supervisor/gate.rs", "src/supervisor/index.rs"
NETWORK, REMOTE, COMPLAINTS = "src/supervisor/network.rs", "src/supervisor/remote.rs", "src/supervisor/complaints.rs"
SWITCHES, TIDINGS = "src/supervisor/switches.rs", "src/supervisor/tidings.rs"
CONTROL, REPORT, NOTIFY = "src/wire/control.rs", "src/wire/report.rs", "src/wire/notify.rs"
THROTTLE = "src/model/throttle.rs"
APPLY, RELOAD, FILES = "src/supervisor/apply.rs", "src/supervisor/reload.rs", "src/supervisor/files.rs"

# What it breaks, where, the text, and what takes its place.
MUTANTS = [
    ("no restart delay", JOB, "self.not_before = now + delay;", "let _ = delay;\n                    self.not_before = now;"),
    ("ten seconds exclusive", POLICY, "ran < QUICK", "ran <= QUICK"),
    ("once ignored", POLICY, "once || exit", "once && ran > QUICK || exit"),
    ("33 ignored", POLICY, "exit == Exit::Code(STAY_DOWN)", "exit == Exit::Code(STAY_DOWN + 1000)"),
    ("failed start restarted at once", JOB, "self.pause = Some(pause);\n        self.not_before = now + pause;",
     "self.pause = Some(pause);\n        self.not_before = now;"),
    ("failed starts as often as ever", POLICY, "before.saturating_mul(2).min(QUICK)", "before.min(QUICK)"),
    ("failed starts ever more rarely", POLICY, "before.saturating_mul(2).min(QUICK)", "before.saturating_mul(2)"),
    ("pause of failed starts outlives one that went well", JOB,
     "                self.pause = None;\n                // It finds", "                // It finds"),
    ("job said to be started before its command runs", JOB, "if let Birth::Executed(_) = birth {", "{"),
    ("start that has succeeded leaves the reason of the last that failed", JOB, "        self.failure = None;\n        wishes.push", "        wishes.push"),
    ("failed exec restarted at once", JOB, "Ending::NeverStarted(_) => self.not_before = now + policy::QUICK,",
     "Ending::NeverStarted(_) => self.not_before = now,"),
    ("failed exec uses up once", JOB, "Ending::NeverStarted(_) => self.not_before = now + policy::QUICK,",
     "Ending::NeverStarted(_) => {\n                self.not_before = now + policy::QUICK;\n                self.finished = self.spec.once();\n            }"),
    ("failed start told every time", FAILURE, "let due = logged.is_none_or(|at| now >= at + REMIND_EVERY);", "let due = true;"),
    ("failed start told only once", FAILURE, "let due = logged.is_none_or(|at| now >= at + REMIND_EVERY);", "let due = logged.is_none();"),
    ("old exit applied to the new definition", JOB, "                self.not_before = now;\n                pid\n            }\n            Down |",
     "                self.ran_to_its_end(since, ending, now, wishes);\n                pid\n            }\n            Down |"),
    ("old exit opens the gate for the new definition", JOB, "if self.debut == Debut::Begun {\n            self.debut = Debut::Over;",
     "if self.debut != Debut::Over {\n            self.debut = Debut::Over;"),
    ("asked restart delayed", JOB, "        self.finished = false;\n        self.not_before = now;\n        if let",
     "        self.finished = false;\n        if let"),
    ("enabling an enabled job is told", REMOTE, ".filter(|slot| slot.job.is_switched_by(enabled))", ""),
    ("enable leaves down what has ended for good", SWITCH, "self.enabled != enabled || enabled && self.finished", "self.enabled != enabled"),
    ("enable does not bring back", SWITCH, "        if enabled {\n            self.finished = false;\n        }\n", ""),
    ("SIGKILL forgotten", STOP, "wishes.push(Wish::Signal(target, signal));\n                Pressure::Kill",
     "Pressure::Kill"),
    ("SIGKILL a second late", STOP, "pub const KILL_AFTER: Duration = Duration::from_secs(10);",
     "pub const KILL_AFTER: Duration = Duration::from_secs(11);"),
    ("an edit moves SIGKILL", JOB, "        if let State::Starting { pid, since } | State::Running { pid, since } = self.state {\n            self.stop(pid, since, now, wishes);\n        }\n        self.reconcile(now, wishes);",
     "        if let State::Starting { pid, since } | State::Running { pid, since } | State::Stopping { pid, since, .. } = self.state {\n            self.stop(pid, since, now, wishes);\n        }\n        self.reconcile(now, wishes);"),
    ("sweep has ten seconds of its own in a stop", JOB, "pass_on(pid, pressure, wishes);\n                self.sweep(pid, now, pressure);",
     "pass_on(pid, pressure, wishes);\n                self.sweep(pid, now, Pressure::Term { kill_at: now + KILL_AFTER });"),
    ("the rest of the session is not told", JOB, "                pass_on(pid, pressure, wishes);\n", ""),
    ("the rest of a killed session is only asked", STOP, "Pressure::Term { .. } => send(Target::Others(pid), Signal::TERM, wishes),\n        Pressure::Kill { .. } | Pressure::Stuck => {",
     "Pressure::Term { .. } | Pressure::Kill { .. } => send(Target::Others(pid), Signal::TERM, wishes),\n        Pressure::Stuck => {"),
    ("sweep skipped", JOB, "match (rest, self.state) {", "match (&Survivors::None, self.state) {"),
    ("rest not told to end", JOB, "                send(Target::Rest(pid), Signal::TERM, wishes);\n", ""),
    ("no SIGCONT", STOP, "    wishes.push(Wish::Signal(target, Signal::CONT));\n", ""),
    ("stuck rest never given up", JOB, "let given_up = pressed == Pressure::Stuck;", "let given_up = false;"),
    ("given up without a look", STOP, "(Survivors::Some(_), Pressure::Term { .. } | Pressure::Kill { .. }) => return,",
     "(Survivors::Some(_), Pressure::Term { .. }) => return,\n            (Survivors::Some(_), Pressure::Kill { .. }) => {}"),
    ("group not released", STOP, "        wishes.push(Wish::Release(group));\n", ""),
    ("end of a group seen late", STOP, "Duration::from_millis(20), Duration::from_secs(1)]", "Duration::from_millis(20), Duration::from_secs(3)]"),
    ("end of a group first seen late", STOP, "Duration::from_millis(20), Duration::from_secs(1)]", "Duration::from_millis(900), Duration::from_secs(1)]"),
    ("looks do not become rare", STOP, "now + (waited / LOOK_SHARE).clamp(first, last)", "now + (waited / LOOK_SHARE).clamp(first, first)"),
    ("no look comes sooner after SIGKILL", STOP, "left(give_up_at, GIVE_UP_AFTER)", "last"),
    ("SIGKILL brings no look", JOB, "{ look_at.min(next) }", "{ look_at }"),
    ("SIGKILL puts off a look", JOB, "{ look_at.min(next) }", "{ if pressed == pressure { look_at } else { next } }"),
    ("a left-over is not told to end", STOP, "        send(Target::Rest(pid), Signal::TERM, wishes);\n        self.removed = true;", "        self.removed = true;"),
    ("a left-over is taken for a job", STOP, "        self.removed = true;\n        self.sweep", "        self.sweep"),
    ("a left-over is killed late", STOP, "self.sweep(pid, now, Pressure::Term { kill_at: now + KILL_AFTER });\n    }",
     "self.sweep(pid, now, Pressure::Term { kill_at: now + KILL_AFTER + KILL_AFTER });\n    }"),
    ("two left-overs have one name", APPLY, "if taken.insert(name.clone()) {", "if taken.insert(name.clone()) || true {"),
    ("adopted orphans tell nothing", STOP, "*look_at = now.min(*look_at);", "let _ = (now, look_at);"),
    ("bounce forgotten", JOB, "State::Starting { since, .. } | State::Running { since, .. } => self.bounce_at(since),",
     "State::Starting { .. } | State::Running { .. } => None,"),
    ("queued keeps its deadline", JOB, "State::Down | State::Queued | State::Launching => None,\n            State::Waiting",
     "State::Down | State::Launching => None,\n            State::Queued | State::Waiting"),
    ("second signal kills nothing", STOP, "Pressure::Term { .. } => Pressure::Term { kill_at: now },",
     "Pressure::Term { kill_at } => Pressure::Term { kill_at },"),
    ("gate ignored", INDEX, "holder.0 < first.0", "holder.0 < first.0 && false"),
    ("gate holds restarts", SUPERVISOR, "let held = slot.job.debut() == Debut::Pending;", "let held = true;"),
    ("wait of a job with a missing file holds", SUPERVISOR, "Debut::Pending => slot.need != Need::Missing,", "Debut::Pending => true,"),
    ("wait ends when the job has begun", SUPERVISOR, "            Debut::Begun => true,", "            Debut::Begun => false,"),
    ("disabled wait job holds", SUPERVISOR, "&& slot.job.goal() == Goal::Up && able", "&& able"),
    ("order ignored", APPLY, "let rank: Rank = (spec.order(),", "let rank: Rank = (spec.order() * 0,"),
    ("new order not filed", APPLY, "(Change::Same { .. }, Some((id, false))) => {\n                    self.rerank(id, rank);",
     "(Change::Same { .. }, Some((id, false))) => {"),
    ("restarts before all first starts", GATE, "if start % 2 == 0 {", "if start < STARTS_PER_TURN {"),
    ("restarts by place in the file", INDEX, "Line::Again(since) => Some((since, self.rank)),",
     "Line::Again(_) => Some((MonoTime::ZERO, self.rank)),"),
    ("a hundred starts in a turn", GATE, "pub const STARTS_PER_TURN: usize = 64;", "pub const STARTS_PER_TURN: usize = 100;"),
    ("starts in the turn that reads", SUPERVISOR, "        } else {\n            self.start(actions);\n            self.tick_network(now, actions);\n        }",
     "        }\n        self.start(actions);\n        self.tick_network(now, actions);"),
    ("start while ending", SUPERVISOR, "self.with(id, actions, |job, wishes| job.remove(now, wishes));\n        }\n    }\n}",
     "self.with(id, actions, |job, wishes| job.restart(now, wishes));\n        }\n    }\n}"),
    ("file applied while ending", SUPERVISOR, "Event::Loaded(..) | Event::ReloadAsked if self.ending => {}\n            Event::ConfigSaved | Event::ConfigTouched | Event::ConfigWritten if self.ending => {}\n            Event::FileSeen(..) | Event::Command(..) | Event::Invalid(_) if",
     "Event::FileSeen(..) | Event::Command(..) | Event::Invalid(_) if"),
    ("order of ending", SUPERVISOR, "order.sort_unstable_by(|a, b| b.cmp(a));", "order.sort_unstable();"),
    ("pid map not cleaned", PROCESSES, "self.pids.remove(&pid) {", "self.pids.get(&pid).copied() {"),
    ("number that came back still swept", PROCESSES, "if let Some(swept) = self.groups.get(&pid).copied() {",
     "if let Some(swept) = self.groups.get(&pid).copied().filter(|_| false) {"),
    ("re-added job starts beside the old run", SUPERVISOR, "        change(&mut slot.job, &mut wishes);\n",
     "        let gone = slot.job.goal() == Goal::Gone;\n        change(&mut slot.job, &mut wishes);\n        if gone && slot.job.goal() == Goal::Up {\n            slot.job = Job::new(slot.job.spec().clone());\n            slot.job.reconcile(MonoTime::ZERO, &mut wishes);\n        }\n"),
    ("re-added job keeps its end", APPLY, "(Change::Same { .. }, Some((id, false))) => {", "(Change::Same { .. }, Some((id, _))) => {"),
    ("same job restarted", "src/diff.rs", "if before.same(spec) {", "if *before == spec {"),
    ("remote command outlives the file", JOB, "        self.obey_file(!self.spec.disabled(), wishes);\n        self.removed = false;\n        self.reconcile",
     "        self.removed = false;\n        self.reconcile"),
    ("end of a remote command is not told", SWITCH, "if switched && enabled != self.enabled && !self.removed {", "if false {"),
    ("save that changes nothing is not told", RELOAD, "saved || news || reading", "news || reading"),
    ("look that finds nothing new is told", RELOAD, "saved || news || reading == Reading::Always", "{ let _ = (saved, news, reading); true }"),
    ("depends change ignored", APPLY, "if changed && up {", "if changed && up && false {"),
    ("depends change starts what is disabled", JOB, "        self.finished = false;\n        self.not_before = now;\n        if let",
     "        self.finished = false;\n        self.enabled = true;\n        self.not_before = now;\n        if let"),
    ("changes restart as often as they like", CHANGES, "&& now < at + pause\n", "&& now < at + pause * 0\n"),
    ("changes that keep coming restart as often as ever", POLICY, "pause.saturating_mul(2).min(last)", "pause.min(last)"),
    ("changes that keep coming restart ever more rarely", POLICY, "pause.saturating_mul(2).min(last)", "pause.saturating_mul(2)"),
    ("quiet time forgives no change", POLICY, "if since < pause.saturating_mul(2).max(QUICK) =>", "if since < since + pause =>"),
    ("restart that was put off is forgotten", CHANGES, "let due = self.due.take_if(|at| *at <= now).is_some();",
     "let due = self.due.take_if(|at| *at <= now).is_some() && false;"),
    ("restart that was put off comes twice", JOB, "                // It finds the files as they are.\n                self.forget_change();\n", ""),
    ("restart that was put off enables", JOB, "        if self.removed || !self.enabled {\n            self.forget_change();\n        }\n", ""),
    ("put-off restart outlives the definition", JOB, "        self.changes = None;\n", ""),
    ("job starts without its file", SUPERVISOR, "slot.job.state() == State::Queued && slot.need == Need::Met;", "slot.job.state() == State::Queued;"),
    ("file that comes back the same restarts", FILES, "&& content != before;", "&& (content != before || true);"),
    ("change while away unseen", FILES, "file.last = content.or(before);", "file.last = content;"),
    ("files stay watched", APPLY, "        let unwatch = self.files.remove(id, slot.job.spec());\n", "        let unwatch: Vec<Rc<[u8]>> = Vec::new();\n"),
    ("asked as often as somebody likes", THROTTLE, "(false, now + INTERVAL)", "(false, now)"),
    ("a request that came too early forgotten", THROTTLE, "let due = self.asked && self.from <= now;", "let due = std::mem::take(&mut self.asked) && self.from <= now;"),
    ("quiet time forgotten", RELOAD, "(now + QUIET).min(", "now.min("),
    ("quiet time without end", RELOAD, ".min(since + QUIET_AT_MOST)", ".min(since + QUIET_AT_MOST * 9)"),
    ("empty file applied at once", APPLY, "            if !believed {\n                return;\n            }\n", "            let _ = believed;\n"),
    ("empty file waits for SIGHUP too", APPLY, " && reading != Reading::Always {\n            let (believed", " {\n            let (believed"),
    ("two seconds run on when jobs are back", RELOAD, "        self.empty_until.take().is_some()",
     "        self.empty_until.is_some()"),
    ("what is put back is not told", APPLY, "if cured || refilled || waited || mended =>", "if cured && refilled =>"),
    ("file without a byte is applied", APPLY, "if content.bytes == 0 && !first", "if content.bytes == 0 && first"),
    ("last good text never over", RELOAD, "        self.empty_until = None;\n        self.last_good = None;\n", "        self.empty_until = None;\n"),
    ("what is mended to the same is not told", RELOAD, "self.last_good.take().is_some()", "self.last_good.take().is_none()"),
    ("what is in force is not kept", APPLY, "        actions.push_back(Action::Keep(content));\n", ""),
    ("mistakes of the start told again", "src/supervisor/recovery.rs", "                self.reload.mistaken(told(mistakes), mistakes.len());\n", "                let _ = mistakes;\n"),
    ("others' file applied without a word", APPLY, "        actions.extend(recovery::noticed(&self.file, &warnings).map(Action::Log));\n", "        drop(warnings);\n"),
    ("busy file not read again", RELOAD, "        self.retry(now);\n        news\n", "        news\n"),
    ("writer waited for without end", RELOAD, "now >= writer.resting + UNWRITTEN_FOR", "now >= writer.resting + UNWRITTEN_FOR * 9"),
    ("file that changes counts as resting", RELOAD, "(writer.state, writer.resting) = (state, now);", "writer.state = state;"),
    ("file emptied by its writer applied", RELOAD, "now >= writer.resting + UNWRITTEN_FOR && writer.state.bytes > 0;", "now >= writer.resting + UNWRITTEN_FOR;"),
    ("writer told of again and again", RELOAD, "        writer.told |= news;\n", ""),
    ("each write is a look", RELOAD, "self.settling.or(Some((now, now + AGAIN)))", "Some((now, now + AGAIN))"),
    ("unreadable file not read again", APPLY, "        if let Some(Trouble::Unreadable(_)) = trouble {\n            self.reload.retry(now);\n        }\n", ""),
    ("missing file told every time", APPLY, "let Some(before) = self.reload.trouble(trouble) else { return false };", "let before = self.reload.trouble(trouble).unwrap_or(trouble);"),
    ("socket of a kept line opened anew", NETWORK, "Some(place) => drop(wanted.remove(place)),", "Some(_) => {}"),
    ("socket of a gone line left open", NETWORK, "None => actions.push_back(Action::Close(*id)),", "None => {}"),
    ("sockets left open at the end", NETWORK, "        actions.extend(self.desks.keys().copied().map(Action::Close));\n", "        let _ = actions;\n"),
    ("failed listener not tried again", NETWORK, "*retry_at = now + REPORT_EVERY;\n                actions.push_back(Action::Open(*id));",
     "*retry_at = now + REPORT_EVERY;\n                let _ = id;"),
    ("trouble with a socket told every time", NETWORK, "if self.health == Health::Fine {", "if true {"),
    ("one report ends the trouble", NETWORK, "const CLEAN_REPORTS: u8 = 2;", "const CLEAN_REPORTS: u8 = 1;"),
    ("failed destination not opened anew", NETWORK, "if *reports == 0 {", "if *reports == 9 {"),
    ("new destination told late", NETWORK, "self.report_at = Some(now),", "self.report_at = self.report_at.or(Some(now)),"),
    ("command puts the report off", NETWORK, "at.min(now + REPORT_AFTER_COMMAND)", "now + REPORT_AFTER_COMMAND"),
    ("no report after a command", REMOTE, "            self.network.switched(now);\n", ""),
    ("report before the first starts", NETWORK, "if starting { REPORT_PATIENCE }", "if !starting { REPORT_PATIENCE }"),
    ("report waits for a thousand starts", NETWORK, "Duration::from_millis(400)", "Duration::from_millis(4_000)"),
    ("network served before the file", SUPERVISOR, "            self.start(actions);\n            self.tick_network(now, actions);\n        }",
     "            self.start(actions);\n        }\n        self.tick_network(now, actions);"),
    ("finished job reported", REMOTE, " && !s.job.finished()", ""),
    ("report not in the order of starts", REMOTE, "        slots.sort_unstable_by_key(|slot| slot.rank);\n", "        slots.reverse();\n"),
    ("unknown names bring a report", REMOTE, "if unknown.len() < verdicts.len() {", "if !verdicts.is_empty() {"),
    ("verb alone answered", REMOTE, "if !verdicts.is_empty() {", "if true {"),
    ("complaints without pause", COMPLAINTS, "        if self.quiet_until.is_some() {\n            return false;\n        }\n", ""),
    ("message not counted", COMPLAINTS, "self.unknown = self.unknown.saturating_add(1);", "let _ = self.unknown;"),
    ("complaints as often as ever", COMPLAINTS, "(self.pause * 2).min(PAUSE_AT_MOST)", "self.pause + Duration::ZERO"),
    ("complaints ever less often", COMPLAINTS, "(self.pause * 2).min(PAUSE_AT_MOST)", "self.pause * 2"),
    ("complaints rare after a rest", COMPLAINTS, "        self.pause = PAUSE;\n", "        self.pause = self.pause.max(PAUSE);\n"),
    ("flood told again and again", COMPLAINTS, "now.since(before) >= FLOOD_AGAIN", "now.since(before) >= PAUSE"),
    ("floods keep other complaints back", COMPLAINTS, "self.quiet_until = Some(now + PAUSE);\n            return Some(flood);",
     "self.quiet_until = Some(now + self.pause);\n            return Some(flood);"),
    ("a line for each switch", SWITCHES, "self.told < SWITCHES_TOLD", "self.told < u64::MAX"),
    ("switches without a line forgotten", SWITCHES, "held.saturating_add(1)", "held.max(1)"),
    ("no more lines for switches, ever", SWITCHES, "self.told.saturating_sub(forgotten)", "self.told"),
    ("ready before the jobs run", TIDINGS, "let start = if self.index.ready() || self", "let start = if self"),
    ("ready before the files are looked at", TIDINGS, "} else if census.unsure > 0 {", "} else if census.unsure > 99 {"),
    ("ready waits for a look for ever", TIDINGS, "until.is_none_or(|at| at <= now)", "until.is_none()"),
    ("a status for each change", TIDINGS, "&& self.status_at <= now,", ","),
    ("the last change not told", TIDINGS, "let due = [ready, status, alive]", "let due = [ready, status.filter(|_| false), alive]"),
    ("reload never over", TIDINGS, "            Some(Milestone::Reloading) => Stage::Reloaded,\n", "            Some(Milestone::Reloading) => Stage::Serving,\n"),
    ("applied file is no reload", APPLY, "            self.applying();\n", ""),
    ("reload over before its last portion", TIDINGS, "            (Stage::Reloaded, _) if scene.reading => None,\n", ""),
    ("no starts between portions", SUPERVISOR, "            self.start(actions);\n            actions.push_back(Action::ReadOn(reading));", "            actions.push_back(Action::ReadOn(reading));"),
    ("SIGHUP with mistakes is no reload", SUPERVISOR, "                self.reloading();\n", ""),
    ("lost message not told again", TIDINGS, "        if !sent {", "        if !sent && false {"),
    ("lost message told without a pause", TIDINGS, "self.retry = Some((now + pause, pause));", "self.retry = Some((now, pause));"),
    ("lost message tried for ever as often", TIDINGS, "(before * 2).max(RETRY)", "before.max(RETRY)"),
    ("the end waits for the next try", TIDINGS, "        self.stage = Stage::Stopping;\n        self.retry = None;\n", "        self.stage = Stage::Stopping;\n"),
    ("watchdog fed in every turn", TIDINGS, "self.watchdog.is_some() && self.alive_at <= now;", "self.watchdog.is_some();"),
    ("watchdog wakes nobody", TIDINGS, "let alive = self.watchdog.map(|_| self.alive_at);", "let alive = self.watchdog.map(|_| self.alive_at).filter(|_| false);"),
    ("jobs that are going counted", SUPERVISOR, "listed: slot.job.goal() != Goal::Gone,", "listed: true,"),
    ("one is a plural", NOTIFY, "if jobs == 1 {", "if jobs == 9 {"),
    ("who has stayed is not named", NOTIFY, "writeln!(text, \"MAINPID={pid}\")?;", "let _ = pid;"),
    ("verb within a command is a name", CONTROL, "Some(next) => verb = next,\n            None =>", "Some(next) if next == verb => {}\n            _ =>"),
    ("control characters in a command", CONTROL, "is_control(*byte) && !is_blank(*byte)", "is_control(*byte) && *byte == 0"),
    ("command of any length", CONTROL, "message.len() > MAX_COMMAND_BYTES || ", ""),
    ("a line of the answer for each name", CONTROL, "|a, b| a.order.verb == b.order.verb", "|_, _| false"),
    ("command longer than its room", CONTROL, "message.len() + more <= room", "message.len() + more <= room + 1"),
    ("datagram longer than it may be", REPORT, "head.len() + longest.len()", "head.len()"),
]


# Without what only a debugger wants, each takes half the time to build.
ENV = {"CARGO_PROFILE_TEST_DEBUG": "0", "RUST_BACKTRACE": "0", "PMTR_SIM_SEEDS": "4000"}


def replace(tree, path, old, new):
    file = os.path.join(tree, path)
    with open(file, encoding="utf-8") as f:
        text = f.read()
    with open(file, "w", encoding="utf-8") as f:
        f.write(text.replace(old, new))
    return text


# What a mutant is to be caught by: what the simulation does not see has tests of its own.
SIMULATION, UNIT = ["--test", "sim"], ["--lib", "--", "wire::", "model::throttle::"]


def test(tree, target, what):
    env = dict(os.environ, **ENV, CARGO_TARGET_DIR=target)
    # Built first, and without a limit: on a busy machine a build that takes long is no test that never ends.
    build = ["cargo", "test", "--offline", "--quiet", "--no-run", *what]
    if subprocess.run(build, cwd=tree, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        return None
    command = ["cargo", "test", "--offline", "--quiet", *what]
    # A session of its own, so that a test that never ends goes with it.
    run = subprocess.Popen(
        command, cwd=tree, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        output, _ = run.communicate(timeout=100)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        return ["does not come to an end"]
    failed = sorted(set(re.findall(r"^    ([\w:]+)$", output, re.M)))
    promise = re.search(r"seed (\d+): ([^:]*)", output)
    if promise:
        failed.insert(0, f"“{promise[2]}” (seed {promise[1]})")
    return failed if run.returncode else []


def suite(path):
    """What is to catch a mutant of this file."""
    return UNIT if path.startswith(("src/wire/", THROTTLE)) else SIMULATION


def verdict(tree, target, path, old, new):
    """What became of a mutant, and whether that is wrong."""
    text = replace(tree, path, old, new)
    caught = test(tree, target, suite(path))
    with open(os.path.join(tree, path), "w", encoding="utf-8") as f:
        f.write(text)
    if caught is None:
        return "DOES NOT COMPILE", True
    if not caught:
        return "SURVIVED", True
    more = f" and {len(caught) - 1} more" if len(caught) > 1 else ""
    return caught[0] + more, False


def fresh_tree(root, work, number, suites):
    """A copy of the tree in which these tests are built and hold."""
    tree, target = os.path.join(work, f"tree{number}"), os.path.join(work, f"target{number}")
    shutil.copytree(root, tree, ignore=shutil.ignore_patterns("target", ".git"))
    for what in suites:
        if test(tree, target, what) != []:
            sys.exit(f"cargo test {' '.join(what)} fails without any mutant")
    return tree, target


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("word", nargs="?", default="", help="only those whose title contains it")
    parser.add_argument("--jobs", type=int, default=1, help="so many at a time, each in a tree of its own")
    parser.add_argument("--every", type=int, default=1, help="only every so manieth")
    args = parser.parse_args()
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    bad = 0
    # All of them, also those that are left out below: this takes no time.
    for title, path, old, _ in MUTANTS:
        with open(os.path.join(root, path), encoding="utf-8") as f:
            if f.read().count(old) != 1:
                print(f"{title:48} THE TEXT TO REPLACE IS NOT THERE EXACTLY ONCE")
                bad += 1
    if bad:
        sys.exit(f"{bad} mutants do not match {'; '.join(sorted({path for _, path, _, _ in MUTANTS}))}")
    chosen = [m for m in MUTANTS if args.word in m[0]][:: args.every]
    with tempfile.TemporaryDirectory(prefix="pmtr-mutants-") as work:
        trees = queue.Queue()
        suites = [what for what in (SIMULATION, UNIT) if any(suite(path) == what for _, path, _, _ in chosen)]
        for number in range(args.jobs):
            trees.put(fresh_tree(root, work, number, suites))

        def one(mutant):
            tree = trees.get()
            try:
                return verdict(*tree, *mutant[1:])
            finally:
                trees.put(tree)

        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            for mutant, (text, wrong) in zip(chosen, pool.map(one, chosen)):
                bad += wrong
                print(f"{mutant[0]:48} {text}", flush=True)
    if bad:
        sys.exit(f"{bad} mutants were not caught")
    print(f"{len(chosen)} of {len(MUTANTS)} mutants were put in, all were caught")


main()
