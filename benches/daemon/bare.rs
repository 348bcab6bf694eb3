//! The limit: a loop of wait and clone that knows nothing, checks nothing and logs nothing.

use std::collections::HashSet;
use std::ffi::{CString, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

static STOPPING: AtomicBool = AtomicBool::new(false);

struct Program {
    path: CString,
    argv: Vec<*const libc::c_char>,
    envp: Vec<*const libc::c_char>,
}

#[allow(clippy::multiple_unsafe_ops_per_block)]
extern "C" fn child(program: *mut c_void) -> c_int {
    // SAFETY: `spawn` passes a Program that outlives this child, which only makes system calls.
    unsafe {
        let program = &*program.cast::<Program>();
        libc::setsid();
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::execve(program.path.as_ptr(), program.argv.as_ptr(), program.envp.as_ptr());
        libc::_exit(127)
    }
}

extern "C" fn stop(_signal: c_int) {
    STOPPING.store(true, SeqCst);
    // Should it come just before the wait, that is interrupted once more.
    // SAFETY: takes a number and may be called by a handler.
    unsafe { libc::alarm(1) };
}

/// Has a signal interrupt the wait.
fn catch(signal: c_int) {
    // SAFETY: all zeroes are an empty mask and no flags.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = stop as extern "C" fn(c_int) as usize;
    // SAFETY: the handler has the right signature.
    unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
}

fn spawn(stack: &mut [u128], program: &mut Program) -> libc::pid_t {
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the child runs on a stack of its own and never returns; we are suspended until it has
    // exec'd or ended, so both arguments outlive its use of them.
    let pid = unsafe {
        libc::clone(child, stack.as_mut_ptr_range().end.cast(), flags, std::ptr::from_mut(program).cast())
    };
    assert!(pid > 0);
    pid
}

/// Keeps so many copies of the program running until it is told to end.
pub fn run(jobs: usize, path: &Path) {
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    // The kernel copies what it is given: the same amount as a typical job's.
    let words = ["--config", "/etc/service-1234.conf", "--listen", "127.0.0.1", "v0"];
    let words: Vec<CString> = words.into_iter().map(|word| CString::new(word).unwrap()).collect();
    let variables =
        std::env::vars_os().map(|(name, value)| format!("{}={}", name.display(), value.display()));
    let variables: Vec<CString> =
        variables.chain(["MODE=production".to_string()]).map(|text| CString::new(text).unwrap()).collect();
    let list = |texts: &[CString]| texts.iter().map(|text| text.as_ptr()).collect::<Vec<_>>();
    let argv = [vec![path.as_ptr()], list(&words), vec![std::ptr::null()]].concat();
    let envp = [list(&variables), vec![std::ptr::null()]].concat();
    let mut program = Program { path, argv, envp };
    let mut stack = vec![0u128; 2_048];
    catch(libc::SIGTERM);
    catch(libc::SIGALRM);
    let mut pids: HashSet<libc::pid_t> = (0..jobs).map(|_| spawn(&mut stack, &mut program)).collect();
    if pids.is_empty() {
        // Nothing to wait for.
        // SAFETY: takes nothing and touches no memory.
        unsafe { libc::pause() };
    }
    loop {
        // SAFETY: a null status is allowed.
        let pid = unsafe { libc::wait(std::ptr::null_mut()) };
        if STOPPING.load(SeqCst) {
            pids.iter().for_each(|pid| kill(pid.cast_unsigned(), libc::SIGTERM));
            // SAFETY: a null status is allowed. It fails when no child is left.
            while unsafe { libc::wait(std::ptr::null_mut()) } > 0 {}
            return;
        }
        if pid > 0 {
            pids.remove(&pid);
            pids.insert(spawn(&mut stack, &mut program));
        }
    }
}

/// Sends a signal at once, without a program in between.
pub fn kill(pid: u32, signal: c_int) {
    // SAFETY: two integers, no memory.
    unsafe { libc::kill(pid.cast_signed(), signal) };
}

/// Whether there is a process with this number, be it a zombie.
pub fn is_there(pid: u32) -> bool {
    // SAFETY: two integers, no memory.
    unsafe { libc::kill(pid.cast_signed(), 0) == 0 }
}
