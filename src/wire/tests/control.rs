use super::super::control::*;
use super::spoilt;
use crate::model::rng::{Rng, rounds};
use crate::model::{Command, Verb, Verdict};

fn command(verb: Verb, name: &[u8]) -> Command {
    Command { verb, name: name.into() }
}

/// Commands from text: `+a` enables a.
fn commands(text: &str) -> Vec<Command> {
    let verb = |sign| if sign == b'+' { Verb::Enable } else { Verb::Disable };
    text.split_ascii_whitespace()
        .map(|word| command(verb(word.as_bytes()[0]), &word.as_bytes()[1..]))
        .collect()
}

/// Verdicts from text: `+a?` is unknown.
fn verdicts(text: &str) -> Vec<Verdict> {
    let verdict = |word: &str| {
        let command = commands(word.trim_end_matches('?')).remove(0);
        Verdict { command, known: !word.ends_with('?') }
    };
    text.split_ascii_whitespace().map(verdict).collect()
}

#[test]
fn a_command_is_a_verb_and_names_separated_by_any_white_space() {
    for (message, wanted) in [
        (&b"enable a"[..], "+a"),
        (b"disable a", "-a"),
        (b"enable a b disable c", "+a +b -c"),
        (b"enable a enable b", "+a +b"),
        (b"disable a enable a disable a", "-a +a -a"),
        (b"enable a\n", "+a"),
        (b"enable a\r\n", "+a"),
        (b"enable a  ", "+a"),
        (b"  enable a", "+a"),
        (b"\n\t enable\ta\nb\x0bc\x0cd\r", "+a +b +c +d"),
        (b"enable a a", "+a +a"),
        // A verb alone commands nothing; a word that resembles a verb is a name.
        (b"enable", ""),
        (b"disable ", ""),
        (b"enable disable", ""),
        (b"enable enable disable c", "-c"),
        (b"enable Enable enabled xdisable", "+Enable +enabled +xdisable"),
        (b"enable 0 -1 ../x *", "+0 +-1 +../x +*"),
    ] {
        assert_eq!(decode(message), Some(commands(wanted)), "{message:?}");
    }
    let strange = decode(b"enable caf\xc3\xa9 \xff\x80").unwrap();
    assert_eq!(strange, [command(Verb::Enable, b"caf\xc3\xa9"), command(Verb::Enable, b"\xff\x80")]);
}

#[test]
fn a_message_without_a_leading_verb_or_with_control_characters_is_rejected() {
    for message in [
        &b""[..],
        b" ",
        b"\n",
        b"a",
        b"a enable b",
        b"Enable a",
        b"ENABLE a",
        b"enabled a",
        b"enablea",
        b"\"enable\" a",
        b"enable a\0",
        b"\0enable a",
        b"enable a\x7f",
        b"enable a\x1b[2J",
        b"enable a\x08",
        b"\xef\xbb\xbfenable a",
        b"report h\na e 1 2 /bin/a\n",
    ] {
        assert_eq!(decode(message), None, "{message:?}");
    }
    for control in (0..32).chain([0x7f]).filter(|byte| !b"\t\n\x0b\x0c\r".contains(byte)) {
        assert_eq!(decode(&[b"enable a", &[control][..], b"b"].concat()), None, "{control}");
    }
}

#[test]
fn the_length_of_a_command_is_limited_and_that_of_a_name_is_not() {
    for (bytes, good) in [(255, true), (256, true), (MAX_COMMAND_BYTES, true), (MAX_COMMAND_BYTES + 1, false)]
    {
        let name = vec![b'x'; bytes - 7];
        let message = [b"enable ", &name[..]].concat();
        let wanted = good.then(|| vec![command(Verb::Enable, &name)]);
        assert_eq!(decode(&message), wanted, "{bytes}");
    }
    let blanks = [b"enable a".to_vec(), vec![b' '; MAX_COMMAND_BYTES - 8]].concat();
    assert_eq!(decode(&blanks), Some(commands("+a")));
    assert_eq!(decode(&[blanks, b" ".to_vec()].concat()), None);
    assert_eq!(decode(&vec![b' '; 65_507]), None);
}

#[test]
fn the_answer_has_a_line_of_known_and_one_of_unknown_names_for_each_run_of_a_verb() {
    for (asked, wanted) in [
        ("", ""),
        ("+a", "enabled a\n"),
        ("-a", "disabled a\n"),
        ("+a?", "unknown a\n"),
        ("-a?", "unknown a\n"),
        ("+a +b? -c", "enabled a\nunknown b\ndisabled c\n"),
        ("+a? +b -c? -d", "enabled b\nunknown a\ndisabled d\nunknown c\n"),
        ("+a -b +c", "enabled a\ndisabled b\nenabled c\n"),
        ("+b +a +b", "enabled b a b\n"),
        ("+unknown -enabled?", "enabled unknown\nunknown enabled\n"),
    ] {
        assert_eq!(String::from_utf8(answer(&verdicts(asked))).unwrap(), wanted);
    }
}

#[test]
fn an_answer_shows_whether_a_name_was_unknown_and_other_bytes_are_rejected() {
    for (bytes, wanted) in [
        (&b"enabled a\n"[..], Some(false)),
        (b"disabled a\n", Some(false)),
        (b"enabled a\nunknown b\n", Some(true)),
        (b"enabled unknown\n", Some(false)),
        (b"unknown enabled\n", Some(true)),
        (b"", None),
        (b"\n", None),
        (b"enabled a", None),
        (b"enabled a\n\n", None),
        (b"\nenabled a\n", None),
        (b"enable a\n", None),
        (b"unknowns a\n", None),
        (b"enabled a\nfoo\n", None),
        (b"unknown a\nfoo\n", None),
        (b"report h\n", None),
    ] {
        assert_eq!(has_unknown(bytes), wanted, "{bytes:?}");
    }
}

/// Checks what must hold for a message and any verdicts on its commands.
fn check_answer(message: &[u8], verdicts: &[Verdict]) {
    let answer = answer(verdicts);
    let shown =
        || (String::from_utf8_lossy(message).into_owned(), String::from_utf8_lossy(&answer).into_owned());
    assert!(answer.len() <= 2 * message.len(), "{:?}", shown());
    assert_eq!(answer.is_empty(), verdicts.is_empty(), "{:?}", shown());
    let unknown = verdicts.iter().any(|verdict| !verdict.known);
    assert_eq!(has_unknown(&answer), (!verdicts.is_empty()).then_some(unknown), "{:?}", shown());
}

#[test]
fn the_answer_to_a_small_command_is_at_most_twice_as_long_whatever_the_verdicts() {
    // All commands of up to seven words, and all verdicts for each.
    let mut commands = vec![b"enable".to_vec(), b"disable".to_vec()];
    for words in 1..=7 {
        for command in &commands {
            let commands = decode(command).unwrap();
            for bits in 0..1_u32 << commands.len() {
                let verdict = |(at, command): (usize, &Command)| Verdict {
                    command: command.clone(),
                    known: bits >> at & 1 == 0,
                };
                check_answer(command, &commands.iter().enumerate().map(verdict).collect::<Vec<_>>());
            }
        }
        let longer = |word: &'static [u8]| move |command: &Vec<u8>| [command, &b" "[..], word].concat();
        if words < 7 {
            let words = [&b"a"[..], b"enable", b"disable"];
            commands = words.iter().flat_map(|word| commands.iter().map(longer(word))).collect();
        }
    }
    assert_eq!(commands.len(), 2 * 3_usize.pow(6));
}

#[test]
fn any_bytes_are_decoded_as_commands_or_an_answer_or_rejected() {
    let mut rng = Rng::new(1);
    let seeds = [&b"enable a b disable c\n"[..], b"disable a", b"enabled a\nunknown b\n", b"enable"];
    let mut decoded = 0;
    let rounds = rounds(150_000);
    for round in 0..rounds {
        let seed = rng.pick(&seeds);
        let bytes = if round % 3 == 0 { super::bytes(&mut rng, 40) } else { spoilt(&mut rng, seed) };
        let _ = has_unknown(&bytes);
        let Some(commands) = decode(&bytes) else { continue };
        decoded += 1;
        assert!(
            commands.iter().all(|command| verb(&command.name).is_none() && !command.name.is_empty()),
            "{bytes:?}"
        );
        let verdict = |command| Verdict { command, known: rng.one_in(2) };
        check_answer(&bytes, &commands.into_iter().map(verdict).collect::<Vec<_>>());
    }
    assert!(decoded > rounds / 15, "{decoded}");
}

#[test]
fn encoded_commands_are_decoded_to_the_same_in_the_same_order() {
    let mut rng = Rng::new(2);
    for round in 0..rounds(20_000) {
        let room = rng.pick(&[1, 10, 20, 100, 1_400]);
        let most = if round % 100 == 0 { 2_000 } else { 12 };
        let verb = |rng: &mut Rng| rng.pick(&[Verb::Enable, Verb::Enable, Verb::Disable]);
        let commands: Vec<Command> =
            (0..rng.below(most)).map(|_| command(verb(&mut rng), &super::name(&mut rng))).collect();
        let messages = encode(&commands, room);
        let mut back = Vec::new();
        for message in &messages {
            let part = decode(message).unwrap_or_else(|| panic!("{message:?}"));
            // Only a single command that is too long by itself exceeds the room.
            assert!(message.len() <= room || part.len() == 1, "{room} {message:?}");
            assert!(!part.is_empty());
            back.extend(part);
        }
        assert_eq!(back, commands);
        // No message has room for the first command of the next one.
        for pair in messages.windows(2) {
            let (before, next) = (decode(&pair[0]).unwrap(), decode(&pair[1]).unwrap());
            let same = before.last().unwrap().verb == next[0].verb;
            let verb = if same { 0 } else { 1 + pair[1].iter().position(|byte| *byte == b' ').unwrap() };
            assert!(pair[0].len() + verb + 1 + next[0].name.len() > room, "{room} {pair:?}");
        }
    }
}

#[test]
fn commands_are_split_where_the_room_ends() {
    let split = |text, room| encode(&commands(text), room).into_iter().map(|m| String::from_utf8(m).unwrap());
    for (text, room, wanted) in [
        ("", 1_400, &[][..]),
        ("+a +b -c", 1_400, &["enable a b disable c"]),
        ("+a +b -c", 20, &["enable a b disable c"]),
        ("+a +b -c", 19, &["enable a b", "disable c"]),
        ("+a +b -c", 10, &["enable a b", "disable c"]),
        ("+a +b -c", 9, &["enable a", "enable b", "disable c"]),
        ("-a +b", 0, &["disable a", "enable b"]),
    ] {
        assert_eq!(split(text, room).collect::<Vec<_>>(), wanted, "{room}");
    }
}
