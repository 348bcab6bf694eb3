//! Commands as they come from the network: what is no command is refused, and no answer is longer than twice what
//! was asked, whichever of the jobs are known.

use pmtr::model::{Command, Verdict};
use pmtr::wire::control::{MAX_COMMAND_BYTES, answer, decode, encode, has_unknown, verb};

pub fn run(message: &[u8]) {
    // What pmtr-ctl makes of an answer that somebody else has made up.
    let _ = has_unknown(message);
    let Some(commands) = decode(message) else { return };
    assert!(message.len() <= MAX_COMMAND_BYTES && 2 * commands.len() <= message.len());
    for Command { name, .. } in &commands {
        let blank = |byte: &u8| byte.is_ascii_control() || *byte == b' ';
        assert!(!name.is_empty() && verb(name).is_none() && !name.iter().any(blank), "{name:?}");
        assert!(message.windows(name.len()).any(|part| part == &name[..]), "{name:?} was not said");
    }

    let known: [fn(usize, &[u8]) -> bool; 4] =
        [|_, _| true, |_, _| false, |place, _| place % 2 == 0, |_, name| name.len() % 2 == 0];
    for known in known {
        let verdict = |(place, command): (usize, &Command)| Verdict {
            command: command.clone(),
            known: known(place, &command.name),
        };
        let verdicts: Vec<Verdict> = commands.iter().enumerate().map(verdict).collect();
        let answer = answer(&verdicts);
        assert!(answer.len() <= 2 * message.len(), "{} bytes for {}", answer.len(), message.len());
        let unknown = (!commands.is_empty()).then(|| verdicts.iter().any(|verdict| !verdict.known));
        assert_eq!(has_unknown(&answer), unknown);
    }

    for room in [0, 40, 1_400] {
        let messages = encode(&commands, room);
        let longest = commands.iter().map(|command| command.name.len() + "disable ".len()).max().unwrap_or(0);
        assert!(messages.iter().all(|message| message.len() <= room.max(longest)));
        let again: Option<Vec<Vec<Command>>> = messages.iter().map(|message| decode(message)).collect();
        assert_eq!(again.unwrap_or_default().concat(), commands);
    }
}
