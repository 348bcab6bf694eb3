//! What is known to go wrong in the C original, and where it is shown that it does not here.

use std::path::Path;

/// A fault, and the tests against it: `file function`, or a file of `tests/config`.
type Row = (&'static str, &'static [&'static str]);

const LOSES_JOBS: &[Row] = &[
    (
        "a wait job blocks reloads, exits and the end; without once it runs on and on, without delay",
        &[
            "it/upstream/losing_jobs a_wait_job_that_takes_long_keeps_pmtr_from_nothing",
            "it/upstream/losing_jobs a_wait_job_that_is_no_once_job_lets_the_others_start_and_is_delayed_like_any",
            "sim/gate restarts_reloads_and_commands_go_on_while_a_wait_job_runs",
        ],
    ),
    (
        "the end leaves behind what is not gone after half a second, and kills nothing",
        &[
            "it/upstream/losing_jobs the_end_waits_for_a_job_that_takes_its_time",
            "it/upstream/losing_jobs the_end_kills_who_is_deaf_and_says_whom",
            "sim/ending a_second_signal_kills_at_once_what_is_left",
        ],
    ),
    (
        "the end starts a job whose delay has just run out",
        &["sim/ending nothing_starts_and_files_and_commands_are_ignored_while_ending"],
    ),
    (
        "a fork that fails ends everything",
        &[
            "it/world a_fork_that_fails_costs_one_start_and_is_tried_again",
            "it/world without_descriptors_a_job_waits_and_everything_else_goes_on",
        ],
    ),
    (
        "the death of a helper process ends everything",
        &["it/upstream/losing_jobs pmtr_has_no_process_of_its_own_whose_death_could_harm_it"],
    ),
    (
        "SIGIO and other signals without a meaning abort it; USR1 ends it",
        &["it/jobs signals_that_pmtr_has_no_use_for_do_not_end_it"],
    ),
    (
        "a job that is removed and added again runs twice",
        &[
            "it/saving only_the_changed_job_is_restarted_and_a_removed_one_comes_back_alone",
            "sim/stop a_job_removed_and_added_again_while_it_stops_starts_when_the_old_run_has_gone",
        ],
    ),
    ("repeated edits put SIGKILL off for ever", &["sim/stop repeated_edits_never_postpone_sigkill"]),
    (
        "SIGKILL comes up to nine seconds late",
        &["sim/stop a_stop_is_sigterm_then_sigcont_then_sigkill_ten_seconds_later_to_the_group"],
    ),
    (
        "how the old run ends counts for the new definition: a changed once job never runs",
        &[
            "it/upstream/losing_jobs a_running_once_job_whose_definition_changes_is_run_with_the_new_one",
            "sim/stop the_exit_of_an_old_run_does_not_touch_the_new_definition",
        ],
    ),
    (
        "what a job has started itself survives its stop",
        &["it/jobs what_a_script_leaves_in_the_background_ends_with_it_before_the_next_run"],
    ),
];

const LOSES_EDITS: &[Row] = &[
    (
        "a save half a second after another, or while jobs are being started, is never applied",
        &[
            "it/upstream/losing_edits of_many_saves_in_a_row_the_last_one_is_in_force",
            "it/upstream/losing_edits a_save_while_two_hundred_jobs_are_being_started_is_not_lost",
            "it/saving every_way_of_saving_a_plain_file_ends_with_exactly_the_new_content",
        ],
    ),
    (
        "only the inode is watched: a backup by rename, a held or removed file, a swapped link",
        &[
            "it/saving every_way_of_saving_a_plain_file_ends_with_exactly_the_new_content",
            "it/saving swapping_the_directory_as_container_platforms_do_ends_with_exactly_the_new_content",
            "it/saving a_removed_file_changes_nothing_and_is_taken_up_when_it_is_back",
            "it/upstream/losing_edits a_file_that_somebody_holds_open_is_replaced_all_the_same_and_again",
            "it/upstream/losing_edits a_link_that_is_led_elsewhere_twice_is_followed_twice",
        ],
    ),
    (
        "an edit in place is seen half written",
        &["it/saving every_way_of_saving_a_plain_file_ends_with_exactly_the_new_content"],
    ),
    (
        "without notifications nothing is seen",
        &[
            "../src/daemon/watch/tests/trouble without_notifications_files_are_looked_at_and_both_changes_of_ways_are_said_once",
        ],
    ),
    ("a changed nice does nothing", &["it/upstream/losing_edits a_changed_nice_restarts_the_job"]),
    (
        "a bad edit does harm",
        &[
            "it/upstream/losing_edits a_mistake_that_is_corrected_costs_nothing",
            "it/saving a_file_with_mistakes_changes_nothing_and_every_mistake_is_logged",
        ],
    ),
    (
        "a depends file that is missing disables the job for good",
        &[
            "it/options a_change_of_a_depends_file_restarts_the_job_and_a_missing_one_makes_it_wait",
            "it/upstream/losing_edits a_depends_file_that_is_removed_and_restored_is_watched_further",
            "sim/depends a_file_that_vanishes_changes_nothing_until_it_is_back",
        ],
    ),
    (
        "a changed depends file enables jobs that a command has disabled",
        &["sim/depends a_change_starts_no_job_that_a_command_has_disabled"],
    ),
    (
        "different contents have the same sum",
        &[
            "it/upstream/losing_edits contents_that_a_weak_sum_takes_for_the_same_are_told_apart",
            "../src/daemon/watch/tests/depends a_fingerprint_depends_on_the_content_only",
        ],
    ),
];

const READS_WRONG: &[Row] = &[
    (
        "a misspelt option becomes an argument of the command before it",
        &[
            "config/unknown-option-swallowed-by-cmd-before.conf",
            "it/upstream/losing_jobs files_that_were_taken_and_misread_are_refused",
        ],
    ),
    ("arguments go on in the next line", &["config/arguments-on-the-next-line.conf"]),
    (
        "two lines with cmd become one command",
        &["config/twice-in-a-job.conf", "config/twice-every-option.conf"],
    ),
    ("a job without cmd is accepted", &["config/missing-cmd.conf", "config/missing-cmd-in-a-comment.conf"]),
    ("two jobs may have one name", &["config/twice-job-name.conf"]),
    (
        "limits are cut to 32 bits, -1 is no limit",
        &["config/good-ulimit-64-bit.conf", "config/ulimit-minus-one.conf", "config/ulimit-too-large.conf"],
    ),
    ("processor 256 is processor 0", &["config/good-cpu-256.conf", "config/cpu-too-large.conf"]),
    (
        "letters beyond ASCII vanish",
        &["config/good-non-ascii.conf", "config/good-bytes-that-are-not-utf-8.conf"],
    ),
    (
        "some keywords and braces can't be arguments",
        &["config/good-keywords-as-arguments.conf", "config/good-braces-in-cmd.conf"],
    ),
    (
        "a negative or endless bounce is accepted, and looked at every ten seconds only",
        &[
            "config/bounce-negative.conf",
            "config/bounce-zero.conf",
            "config/bounce-too-long.conf",
            "sim/restart a_bounce_restarts_without_delay_at_its_time_and_once_after_a_long_sleep",
        ],
    ),
    (
        "garbage behind numbers is accepted",
        &["config/nice-garbage.conf", "config/order-fraction.conf", "config/ulimit-unit.conf"],
    ),
    (
        "a port that is a word or missing is port 0",
        &["config/endpoint-port-word.conf", "config/endpoint-no-port.conf", "config/endpoint-port-zero.conf"],
    ),
    (
        "great differences of order overflow",
        &[
            "config/good-order-bounds.conf",
            "it/upstream/losing_jobs the_greatest_and_the_smallest_order_are_in_order",
        ],
    ),
    (
        "jobs of equal order keep that of the file by luck",
        &["sim/gate jobs_start_by_order_then_by_place_and_without_pause"],
    ),
    (
        "the first mistake hides the others, and its line may be the next one or missing",
        &["config/many-mistakes-in-one-run.conf", "config/caret-on-a-joined-line.conf"],
    ),
];

const EXPOSES: &[Row] = &[
    (
        "in the background the log goes to whatever descriptor 2 has become",
        &["it/command_line in_the_background_the_parent_returns_when_the_pid_file_is_written"],
    ),
    (
        "descriptors that were inherited are passed on to jobs",
        &["it/world no_descriptor_of_pmtr_or_its_caller_reaches_a_job"],
    ),
    (
        "what jobs make is for everybody to write",
        &["it/upstream/running what_a_job_makes_is_not_for_everybody_to_write"],
    ),
    (
        "without root, nice 5 keeps every job from starting",
        &["it/upstream/running an_ordinary_user_with_another_priority_can_start_jobs"],
    ),
    (
        "a test makes the missing file, and takes the pid file of a running daemon away",
        &[
            "it/upstream/running a_test_makes_no_file_and_disturbs_no_running_pmtr",
            "../src/cli/tests a_test_never_claims_a_pid_file",
        ],
    ),
    (
        "a FIFO is an empty configuration, a directory a mistake without a reason",
        &[
            "it/upstream/running a_fifo_is_no_empty_configuration",
            "it/upstream/losing_jobs a_directory_or_a_fifo_in_place_of_the_file_changes_nothing",
        ],
    ),
    (
        "a start that fails ends with status 0, and after the parent has",
        &["it/command_line a_start_that_fails_says_why_and_ends_with_one_also_without_foreground"],
    ),
    (
        "two daemons write one pid file",
        &["../src/daemon/pidfile/tests a_file_with_a_live_holder_is_refused_and_left_alone"],
    ),
    (
        "setting the clock puts restarts off and makes jobs bounce: time is an argument of the core",
        &[
            "tidy/code the_pure_modules_ask_the_world_for_nothing",
            "../src/sys/clock the_monotonic_clock_does_not_go_back",
        ],
    ),
    (
        "the cost of a reload grows with the square of the jobs",
        &[
            "it/upstream/losing_edits sixteen_thousand_disabled_jobs_are_in_nobodys_way",
            "config a_text_of_the_greatest_size_takes_no_more_than_its_length_in_time",
        ],
    ),
    (
        "lines of jobs are torn where reads or writes end",
        &[
            "../src/daemon/output/splitter lines_are_the_same_however_the_bytes_come",
            "../src/daemon/output/tests a_long_line_is_cut_and_the_next_one_is_whole",
        ],
    ),
    (
        "a bad edit closes the sockets for commands and reports",
        &[
            "it/network a_reload_keeps_the_sockets_of_what_is_unchanged_and_a_bad_file_keeps_all",
            "sim/network a_file_that_is_not_applied_keeps_all_sockets",
        ],
    ),
    (
        "a datagram that comes while the last listener is removed aborts it",
        &[
            "sim/random random_worlds_break_no_promise",
            "sim/network a_socket_is_opened_once_and_kept_by_a_file_that_keeps_its_line",
        ],
    ),
    (
        "of several listeners only the first is read",
        &["it/network any_number_of_listeners_and_destinations_are_served"],
    ),
    (
        "a line end is part of a name, blanks at the end make a name of what was there before",
        &[
            "it/network a_command_does_what_it_says_and_is_answered_in_its_own_words",
            "../src/daemon/net/tests what_is_no_command_is_invalid_whatever_its_length",
        ],
    ),
    (
        "a report that is too long for one datagram is never sent",
        &["it/network thousands_of_jobs_are_reported_in_parts"],
    ),
    (
        "a job that has never started is shown as fifty years old",
        &["sim/reports a_report_shows_each_job_as_it_is"],
    ),
    (
        "a name that can't be looked up or a port that is taken makes the whole file invalid",
        &[
            "it/network a_port_that_is_taken_is_said_once_and_opened_when_it_is_free",
            "config/endpoint-host-name.conf",
        ],
    ),
    (
        "as process 1 it logs an error for each orphan",
        &["it/container as_process_one_it_reaps_orphans_and_ends_cleanly_without_proc_or_a_writable_root"],
    ),
];

/// Whether a test of that name stands there, as a function or as a row of a macro.
fn is_there(place: &str) -> bool {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    match place.split_once(' ') {
        None => tests.join(place).exists(),
        Some((file, test)) => {
            let text = std::fs::read_to_string(tests.join(format!("{file}.rs"))).unwrap_or_default();
            text.contains(&format!("#[test]\nfn {test}()"))
                || text.contains(&format!("    #[test]\n    fn {test}()"))
                || text.contains(&format!("\n    {test}: \""))
        }
    }
}

#[test]
fn each_known_fault_of_the_original_has_a_test_that_exists() {
    let rows = [LOSES_JOBS, LOSES_EDITS, READS_WRONG, EXPOSES].concat();
    for (fault, tests) in &rows {
        assert!(!tests.is_empty(), "{fault}");
        let missing: Vec<_> = tests.iter().filter(|place| !is_there(place)).collect();
        assert!(missing.is_empty(), "{fault}: {missing:?}");
    }
    assert!(!is_there("it/jobs no_such_test") && !is_there("config/no-such-file.conf"));
}
