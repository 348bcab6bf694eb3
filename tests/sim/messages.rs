//! Commands, their answers, and what is said of messages that are of no use.

use crate::def::job;
use crate::plan::Plan;
use crate::processes::DEAF;
use crate::reference::complaint;
use crate::rng::Rng;
use crate::sim::{Sim, at, code, message};
use crate::sockets::{listen, report};
use pmtr::model::{Notice, Signal, Verb};
use pmtr::supervisor::{Event, FLOOD, NextTick, SWITCHES_TOLD};
use std::time::Duration;

/// What was answered since this was asked last.
fn answers(sim: &mut Sim) -> Vec<String> {
    sim.world.sockets.answers.drain(..).map(|(_, text)| text).collect()
}

/// When there was a line of complaint, in milliseconds.
fn complaints(sim: &Sim) -> Vec<u128> {
    let notices = sim.world.log.iter().filter(|(_, notice)| complaint(notice).is_some());
    notices.map(|(when, _)| when.since(at(0)).as_millis()).collect()
}

#[test]
fn a_command_is_done_word_by_word_and_answered_with_what_was_known() {
    let mut sim = Sim::with_lines(&[job("a"), job("b").disable(), job("c")], &[listen(1)]);
    sim.run_until(1_000);
    sim.ask(message("disable a nobody enable b disable c nothing\n"));
    assert_eq!(answers(&mut sim), ["disabled a\nunknown nobody\nenabled b\ndisabled c\nunknown nothing\n"]);
    assert_eq!(sim.logged("no such job: nobody nothing"), [1_000]);
    assert_eq!((sim.pid("a"), sim.pid("c"), sim.starts("b")), (None, None, vec![1_000]));
    sim.run_until(2_000);
    // What is so already is done as well, and the log has nothing to tell.
    sim.ask(message("disable a"));
    assert_eq!(answers(&mut sim), ["disabled a\n"]);
    assert_eq!(sim.logged("job a disabled by command"), [1_000]);
    // Both verbs for one job: in their order.
    sim.ask(message("disable b enable b"));
    assert_eq!(answers(&mut sim), ["disabled b\nenabled b\n"]);
    assert_eq!(sim.starts("b"), [1_000, 2_000]);
    sim.ask(message("enable a disable a"));
    assert_eq!(answers(&mut sim), ["enabled a\ndisabled a\n"]);
    assert_eq!(sim.starts("a"), [0]);
}

#[test]
fn a_job_on_its_way_out_is_known_no_more_and_one_that_has_ended_for_good_is() {
    let deaf = Plan { temper: DEAF, ..Plan::default() };
    let mut sim = Sim::with_plans(&[job("gone"), job("once").once()], &[("gone", deaf)]);
    sim.run_until(1_000);
    sim.exits("once", code(0));
    sim.save(&[job("once").once()]);
    sim.ask(message("enable gone once"));
    assert_eq!(answers(&mut sim), ["enabled once\nunknown gone\n"]);
    // It is enabled already, but it does not run: now it does.
    assert_eq!(sim.starts("once"), [0, 1_100]);
}

#[test]
fn enabling_a_job_that_has_ended_for_good_starts_it_and_one_that_runs_is_left_alone() {
    let mut sim = Sim::with(&[job("once").once(), job("a")]);
    sim.run_until(1_000);
    sim.exits("once", code(0));
    sim.exits("a", code(33));
    sim.run_until(2_000);
    sim.ask(message("enable once a"));
    assert_eq!((sim.starts("once"), sim.starts("a")), (vec![0, 2_000], vec![0, 2_000]));
    assert_eq!(answers(&mut sim), ["enabled once a\n"]);
    sim.run_until(3_000);
    sim.ask(message("enable once a"));
    sim.exits("once", code(0));
    sim.run_until(30_000);
    assert_eq!((sim.starts("once").len(), sim.starts("a").len()), (2, 2));
    assert_eq!(sim.logged("job once enabled by command"), [2_000]);
}

#[test]
fn what_is_no_command_is_not_answered_and_does_nothing() {
    let mut sim = Sim::with(&[job("a")]);
    for text in ["", "a", "disabled a", "stop a", "disable a\0", "\u{7f}", "disable", "enable\n"] {
        sim.ask(message(text));
    }
    let long = format!("disable {} a", "x".repeat(8_192));
    sim.ask(message(&long));
    assert_eq!((answers(&mut sim), sim.sent(Signal::TERM)), (vec![], vec![]));
    assert_eq!(sim.logged("invalid control msg from 127.0.0.1:9"), [0]);
}

#[test]
fn nothing_is_obeyed_answered_or_complained_of_while_pmtr_ends() {
    let deaf = Plan { temper: DEAF, ..Plan::default() };
    let mut sim = Sim::with_plans(&[job("a"), job("b").disable()], &[("a", deaf)]);
    sim.run_until(1_000);
    sim.ask(message("what"));
    sim.ask(message("what"));
    sim.ask(Event::EndAsked(Signal::TERM));
    sim.ask(message("enable b a nobody"));
    sim.ask(message("what"));
    sim.run_until(10_000);
    assert!(!sim.supervisor.ended());
    assert_eq!((answers(&mut sim), complaints(&sim)), (vec![], vec![1_000]));
    assert_eq!(sim.starts("b"), [0; 0]);
}

#[test]
fn switches_without_a_line_are_neither_told_nor_waited_for_while_pmtr_ends() {
    let deaf = Plan { temper: DEAF, ..Plan::default() };
    let mut sim = Sim::with_plans(&[job("a"), job("b").disable()], &[("a", deaf)]);
    sim.run_until(1_000);
    (0..SWITCHES_TOLD).for_each(|_| sim.turn(message("enable b disable b")));
    sim.ask(Event::EndAsked(Signal::TERM));
    sim.run_until(10_000);
    assert_eq!((sim.supervisor.ended(), sim.logged("more jobs switched")), (false, vec![]));
}

#[test]
fn what_keeps_coming_is_told_ever_less_often_and_counted_exactly() {
    let mut sim = Sim::with(&[job("a")]);
    // Two a second for five minutes, one of three an unknown name.
    for step in 0..600 {
        sim.run_until(step * 500);
        sim.ask(message(if step % 3 == 2 { "enable nobody" } else { "what" }));
    }
    let times = [0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000, 127_000, 191_000, 255_000];
    assert_eq!(complaints(&sim), times);
    for (when, text) in [
        (0, "invalid control msg from 127.0.0.1:9"),
        (1_000, "in 1 sec 1 more invalid control msg, the last"),
        (
            3_000,
            "in 2 sec 2 more invalid control msgs and 2 that name no such job, the last from 127.0.0.1:9",
        ),
        (255_000, "in 64 sec 85 more invalid control msgs and 43 that"),
    ] {
        assert!(sim.logged(text).contains(&when), "{text}");
    }
    // What was held back is told when its time comes, and after that the next one is told at once.
    sim.run_until(382_999);
    assert_eq!(complaints(&sim).last(), Some(&319_000));
    assert_ne!(sim.supervisor.next(), NextTick::Never);
    sim.run_until(383_000);
    assert_eq!((complaints(&sim).len(), sim.supervisor.next()), (11, NextTick::Never));
    sim.run_until(383_001);
    sim.ask(message("enable nobody nothing"));
    assert_eq!(sim.logged("no such job: nobody nothing"), [383_001]);
    // And the pauses are short again.
    sim.ask(message("what"));
    sim.run_until(385_000);
    sim.ask(message("what"));
    sim.run_until(400_000);
    assert_eq!(complaints(&sim)[11..], [383_001, 384_001, 386_001]);
}

#[test]
fn only_a_few_of_many_unknown_names_are_shown() {
    let mut sim = Sim::with(&[job("a")]);
    let names: Vec<String> = (1..=4_000).map(|n| n.to_string()).collect();
    sim.ask(message(&format!("enable a {}", names[..1_000].join(" "))));
    assert_eq!(sim.logged("no such job: 1 2 3 4 5 6 7 8 and 992 more").len(), 1);
}

fn flood(sim: &mut Sim, text: &str, messages: u64) {
    for _ in 0..messages {
        sim.turn(message(text));
    }
    sim.wake();
    sim.assert_kept();
}

#[test]
fn a_flood_is_told_once_and_again_after_a_minute_of_rest() {
    let mut sim = Sim::with(&[job("a")]);
    let told = |sim: &Sim| sim.logged("flood of control msgs, the last from 127.0.0.1:9; jobs come first");
    // Commands that are good can be too many as well; nothing else is said of them.
    flood(&mut sim, "enable a", FLOOD - 1);
    assert_eq!(complaints(&sim), []);
    flood(&mut sim, "enable a", 1);
    assert_eq!((told(&sim), complaints(&sim)), (vec![0], vec![0]));
    for second in 1..100 {
        sim.run_until(second * 1_000);
        flood(&mut sim, "enable a", FLOOD + 7);
    }
    // Never a minute without one.
    for second in [150, 205, 260] {
        sim.run_until(second * 1_000);
        flood(&mut sim, "enable a", FLOOD);
    }
    assert_eq!(complaints(&sim), [0]);
    sim.run_until(320_000);
    flood(&mut sim, "enable a", FLOOD);
    assert_eq!(told(&sim), [0, 320_000]);
    // As many in two seconds are none.
    sim.run_until(500_000);
    flood(&mut sim, "enable a", FLOOD / 2);
    sim.run_until(501_000);
    flood(&mut sim, "enable a", FLOOD / 2);
    assert_eq!((told(&sim).len(), answers(&mut sim).len()), (2, 1_000 + 99 * 1_007 + 5_000));
}

#[test]
fn a_flood_of_useless_messages_is_told_of_and_counted_and_a_dying_job_restarted() {
    let mut sim = Sim::with(&[job("a")]);
    sim.run_until(20_000);
    flood(&mut sim, "what", 5_000);
    sim.exits("a", code(1));
    assert_eq!(sim.starts("a"), [0, 20_000]);
    sim.run_until(30_000);
    assert_eq!(complaints(&sim), [20_000, 21_000, 22_000]);
    assert_eq!(sim.logged("flood of"), [21_000]);
    assert_eq!(sim.logged("in 2 sec 4999 more invalid control msgs, the last"), [22_000]);
    assert_eq!(sim.supervisor.next(), NextTick::Never);
}

/// Hours of messages of all kinds at all paces. The reference sees to the second between any two lines, and that
/// each tells exactly of the messages that were not told of before.
#[test]
fn no_stream_of_messages_brings_more_than_a_line_a_second_or_is_counted_wrong() {
    for seed in 0..30 {
        let mut rng = Rng::new(seed);
        let mut sim = Sim::with_lines(&[job("a"), job("b")], &[listen(1), report(2)]);
        let pauses = rng.pick(&[
            &[0, 1, 10][..],
            &[10, 100, 999, 1_000, 1_001],
            &[0, 500, 5_000, 63_999, 64_000, 70_000],
        ]);
        let (mut useless, mut answered) = (0, 0);
        for _ in 0..1_000 {
            sim.live_until(sim.world.now + Duration::from_millis(rng.pick(pauses)));
            let many = if rng.one_in(200) { 1_000 + rng.below(500_u32) } else { rng.below(4) };
            let text = rng.pick(&[
                "what",
                "what",
                "",
                "enable nobody",
                "disable a x",
                "enable b",
                "disable b a",
                "enable",
            ]);
            let bad = matches!(text, "what" | "" | "enable nobody" | "disable a x");
            useless += u64::from(bad) * u64::from(many);
            answered += usize::from(!matches!(text, "what" | "" | "enable")) * many as usize;
            (0..many).for_each(|_| sim.turn(message(text)));
            sim.wake();
            sim.world.trace.clear();
            sim.assert_kept();
        }
        sim.live_until(sim.world.now + Duration::from_secs(200));
        sim.assert_kept();
        let counts = sim.world.log.iter().filter_map(|(_, notice)| complaint(notice).flatten());
        let counts = counts.map(|(invalid, unknown)| invalid + unknown);
        assert_eq!((counts.sum::<u64>(), answers(&mut sim).len()), (useless, answered), "seed {seed}");
        let times = complaints(&sim);
        assert!(times.windows(2).all(|pair| pair[0] + 1_000 <= pair[1]), "seed {seed}: {times:?}");
        sim.world.sockets.lines.clear();
        sim.command(Verb::Enable, "a");
        sim.save(&[job("a")]);
        assert_eq!(sim.supervisor.next(), NextTick::Never, "seed {seed}");
    }
}

#[test]
fn jobs_that_are_switched_without_end_do_not_fill_the_log_and_each_switch_is_counted() {
    let mut sim = Sim::with(&[job("a").disable()]);
    for step in 0..2_000 {
        sim.run_until(step * 10);
        sim.ask(message("enable a disable a"));
    }
    sim.run_until(30_000);
    let own = sim.logged("abled by command").len();
    assert!((SWITCHES_TOLD + 150..=SWITCHES_TOLD + 220).contains(&(own as u64)), "{own}");
    let (mut counted, mut last) = (0, None);
    for (at, notice) in &sim.world.log {
        if let Notice::MoreSwitches { switches, .. } = notice {
            counted += switches;
            assert!(last.replace(*at).is_none_or(|before| at.since(before) >= Duration::from_secs(1)));
        }
    }
    assert_eq!(own as u64 + counted, 4_000);
    assert_eq!(sim.supervisor.next(), NextTick::Never);
}
