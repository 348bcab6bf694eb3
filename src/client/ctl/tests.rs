use super::*;

#[test]
fn an_answer_names_every_requested_job_and_no_other() {
    for (message, answer) in [
        (&b"enable a"[..], &b"enabled a\n"[..]),
        (b"enable a", b"unknown a\n"),
        (b"disable a b", b"disabled b\nunknown a\n"),
        (b"enable a a", b"enabled a a\n"),
        (b"enable a disable a", b"enabled a\ndisabled a\n"),
        (b"enable a disable b", b"unknown a\nunknown b\n"),
        (b"enable \xff", b"enabled \xff\n"),
    ] {
        assert!(is_about(message, answer), "{}", Clean(answer));
    }
    for (message, answer) in [
        (&b"enable a"[..], &b""[..]),
        (b"enable a", b"\n"),
        (b"enable a", b"enabled a"),
        (b"enable a", b"enabled\n"),
        (b"enable a", b"enable a\n"),
        (b"enable a", b"disabled a\n"),
        (b"enable a", b"enabled b\n"),
        (b"enable a", b"enabled a b\n"),
        (b"enable a b", b"enabled a\n"),
        (b"enable a disable a", b"enabled a\n"),
        (b"enable a", b"unknown a\nenabled a\n"),
        (b"enable a", b"enabled a a\n"),
        (b"enable a", b"enabled a\nenabled a\n"),
        (b"enable a a", b"enabled a\n"),
        (b"enable a a", b"enabled a\nunknown a\n"),
        (b"enable a disable a", b"enabled a\nunknown a\n"),
        (b"enable a disable a", b"enabled a a\n"),
        (b"enable a disable b", b"enabled b\ndisabled a\n"),
        (b"enable a", b"enabled  \t     a \n"),
        (b"enable a", b"HTTP/1.1 400 Bad Request\n"),
    ] {
        assert!(!is_about(message, answer), "{}", Clean(answer));
    }
}

#[test]
fn an_answer_of_pmtr_is_accepted() {
    let message = b"enable a b disable c a enable d";
    let asked = control::decode(message).unwrap();
    for known in [true, false] {
        let verdicts: Vec<_> = asked
            .iter()
            .map(|command| crate::model::Verdict {
                command: command.clone(),
                known: known || *command.name == *b"a",
            })
            .collect();
        assert!(is_about(message, &control::answer(&verdicts)));
    }
}

#[test]
fn an_answer_is_at_most_twice_as_long_as_the_message() {
    for (blanks, fits) in [(7, true), (8, false)] {
        let answer = [b"enabled", &*b" ".repeat(blanks), b"a\n"].concat();
        assert_eq!(is_about(b"enable a", &answer), fits, "{}", answer.len());
    }
    let often = [b"enabled", &*b" a".repeat(24_000), b"\n"].concat();
    assert!(!is_about(b"enable a", &often));
}

#[test]
fn an_answer_is_printed_without_control_characters() {
    assert_eq!(Lines(b"enabled a\nunknown \x1b[2J\xff\n").to_string(), "enabled a\nunknown ?[2J?\n");
}

#[test]
fn a_failure_says_what_to_check() {
    let (v4, v6) = ("127.0.0.1:10000".parse().unwrap(), "[::1]:10000".parse().unwrap());
    for (failure, text) in [
        (
            Failure::Refused(vec![v4]),
            "nobody listens on udp://127.0.0.1:10000: \
             is pmtr running, and does its file have the line \"listen on udp://127.0.0.1:10000\"?",
        ),
        (
            Failure::Refused(vec![v6, v4]),
            "nobody listens on udp://[::1]:10000 and udp://127.0.0.1:10000: \
             is pmtr running, and does its file have the line \"listen on udp://127.0.0.1:10000\"?",
        ),
        (Failure::Unreachable(v4, Errno(101)), "can't reach udp://127.0.0.1:10000: Network is unreachable"),
        (
            Failure::Broadcast(v4),
            "can't ask udp://127.0.0.1:10000: this is a broadcast address, which is not supported; \
             a multicast group can be asked",
        ),
        (
            Failure::NoHost("app1".into(), "Name or service not known".into()),
            "can't find the address of app1: Name or service not known",
        ),
    ] {
        assert_eq!(failure.to_string(), text);
        assert_eq!(failure.status(), STATUS_FAILED);
    }
    let group = Failure::Silent("239.0.0.8:10000".parse().unwrap());
    assert!(
        group.to_string().starts_with("no answer from the group udp://239.0.0.8:10000 within 2 seconds\n")
    );
    assert_eq!(Failure::Silent(v4).status(), STATUS_SILENT);
}
