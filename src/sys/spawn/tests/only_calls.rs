//! A child that shares our memory runs system calls and nothing else.

/// What a shared child may call: none of these allocates, locks or knows of threads.
const SYSTEM_CALLS: [&str; 25] = [
    "syscall",
    "close",
    "setsid",
    "getpid",
    "getppid",
    "clock_gettime",
    "pwritev",
    "pwritev64",
    "umask",
    "chdir",
    "fchdir",
    "setpriority",
    "getresgid",
    "getresuid",
    "fchown",
    "open",
    "dup2",
    "execve",
    "_exit",
    "__errno_location",
    "open64",
    "memset",
    "memcpy",
    "sched_setaffinity",
    "fcntl",
];

#[test]
fn between_birth_and_command_there_are_only_system_calls() {
    if cfg!(debug_assertions) {
        // The compiler's own checks of pointers call what panics; they are in no release.
        return eprintln!("skipped: needs --config profile.test.debug-assertions=false");
    }
    let objdump = |options: &[&str]| {
        let program = std::env::current_exe().unwrap();
        let output = std::process::Command::new("objdump").args(options).arg(program).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (Some(code), Some(imports), true) =
        (objdump(&["-dC", "--no-show-raw-insn"]), objdump(&["-R"]), cfg!(target_arch = "x86_64"))
    else {
        return eprintln!("skipped: needs objdump and x86-64");
    };
    // Address of the table's entry, its kind, and the name of the function that it leads to.
    let import = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (address, name) = (words.next()?, words.nth(1)?);
        Some((u64::from_str_radix(address, 16).ok()?, name.split('@').next()?.to_owned()))
    };
    let imports: std::collections::BTreeMap<u64, String> = imports.lines().filter_map(import).collect();
    let ours = |name: &str| {
        let known = [
            "child::",
            "calls::",
            "slots::Slot>::",
            "slots::Slot::",
            "slots::code",
            "prompt::",
            "record::RecordWriter",
            "record::RecordBody>::own",
            "record::mix",
            "spawn::live_shared",
        ];
        let known =
            known.iter().any(|part| name.contains(&format!("sys::{part}"))) || name.contains("last_errno");
        known && !name.contains("Pointers")
    };
    let (mut inside, mut seen, mut wrong) = (false, 0, Vec::new());
    for line in code.lines() {
        if let Some(name) = line.strip_suffix(">:") {
            // The entry itself only calls `live`; beside that it has a way out for a panic, which a test build keeps.
            inside = ours(name) && !name.contains("live_shared");
            continue;
        }
        // Address, then the instruction, then behind # the address that it reads, or in <> where it leads.
        let Some((_, instruction)) = line.split_once('\t').filter(|_| inside) else { continue };
        let allowed = if let Some((_, place)) = instruction.split_once("# ") {
            // Whatever reads an entry of the table may call it later, through a register.
            let place = place.split(' ').next().and_then(|place| u64::from_str_radix(place, 16).ok());
            match place.and_then(|place| imports.get(&place)) {
                Some(name) => SYSTEM_CALLS.contains(&name.as_str()),
                None => !instruction.starts_with("call"),
            }
        } else {
            let leads = instruction.starts_with("call") || instruction.starts_with("jmp");
            !leads || !instruction.contains('<') || ours(instruction)
        };
        seen += usize::from(instruction.starts_with("call"));
        if !allowed {
            wrong.push(line.to_owned());
        }
    }
    assert!(seen > 20, "the child was not found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
