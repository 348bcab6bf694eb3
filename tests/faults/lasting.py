"""What a machine can run out of is gone for a while: what needs none of it goes on, and all is well soon after."""

import concurrent.futures
import contextlib
import os
import resource
import signal
import time

import script
from box import Box, Wrong, children, given_up, kill, read
from trace import Trace

# How soon all is well after the fault.
LIMIT_SECONDS = 11.0
# How much of a processor pmtr may take while it lasts.
CPU_LIMIT = 0.02
SLEEPERS = [script.job(f"sleeper{number}", 5000 + number) for number in range(20)]

DISK = """
mkdir "$1/disk"
mount -t tmpfs -o size=16k none "$1/disk"
exec 2>"$1/disk/log"
"""


def mebibytes(pid):
    return int(read(f"/proc/{pid}/statm").split()[0]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


@contextlib.contextmanager
def limited(box, what, to):
    """The soft limit of a running pmtr is lowered."""
    before = resource.prlimit(box.pid, what)
    resource.prlimit(box.pid, what, (to, before[1]))
    try:
        yield
    finally:
        resource.prlimit(box.pid, what, before)


@contextlib.contextmanager
def traced(box, *rules):
    with Trace(box.pid, f"{box.dir}/trace", rules) as trace:
        yield
        if not trace.injected():
            raise Wrong("the fault did not happen")


@contextlib.contextmanager
def full_disk(box):
    filler = f"/proc/{box.pid}/root{box.dir}/disk/filler"
    with open(filler, "wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 512)
    yield
    os.unlink(filler)


@contextlib.contextmanager
def stopped_log_daemon(box):
    box.logd.reads.clear()
    yield
    box.logd.reads.set()


NO_DESCRIPTOR = ["openat", "socket", "pipe2", "dup3", "fcntl", "pidfd_open", "inotify_init1", "accept4"]
FAULTS = {
    "no process": lambda box: traced(box, "clone,clone3,fork,vfork:error=EAGAIN"),
    "no descriptor in the machine": lambda box: traced(box, f"{','.join(NO_DESCRIPTOR)}:error=ENFILE"),
    "no descriptor for pmtr": lambda box: limited(box, resource.RLIMIT_NOFILE, 5),
    "no memory": lambda box: limited(box, resource.RLIMIT_AS, int(mebibytes(box.pid) * (1 << 20))),
    "a full disk": full_disk,
    "no notifications": lambda box: traced(
        box, "inotify_add_watch:error=ENOSPC", "inotify_init1:error=EMFILE", "read:error=EIO:when=1..3"
    ),
    "no watches": lambda box: traced(box, "inotify_add_watch:error=ENOSPC"),
    "a log daemon that does not read": stopped_log_daemon,
}


class Lasting:
    """One fault in one pmtr, and what came of it."""

    def __init__(self, title, seconds):
        self.title, self.seconds = title, seconds
        self.wrong, self.cpu, self.whole_after, self.log = "", 0.0, 0.0, ""
        self.round = 0

    def file(self):
        return [*SLEEPERS, *script.later(10 + self.round)]

    def run(self, program):
        disk = self.title == "a full disk"
        with Box(program, DISK if disk else "", "disk/state" if disk else "state") as box:
            try:
                self.live(box)
            except (Wrong, OSError) as why:
                self.wrong = str(why)
                self.log = "\n".join(box.log().splitlines()[-25:])
        return self

    def live(self, box):
        box.write("talk", script.TALKER)
        os.chmod(f"{box.dir}/talk", 0o755)
        os.mkdir(f"{box.dir}/elsewhere")
        box.write("needed", "1")
        box.write("elsewhere/needed", "1")
        box.save(self.file())
        box.start()
        box.await_runs(script.commands(self.file()))
        box.ripen()
        untouched = [pid for pid in children(box.pid) if b"/bin/sleep\x005" in read(f"/proc/{pid}/cmdline")]
        with FAULTS[self.title](box):
            before, begin = box.cpu_seconds(), time.monotonic()
            while time.monotonic() < begin + self.seconds and not given_up.is_set():
                self.poke(box)
                given_up.wait(min(5, self.seconds / 5))
            self.cpu = (box.cpu_seconds() - before) / (time.monotonic() - begin)
            self.check(box, untouched)
        begin = box.clock()
        self.recover(box)
        self.whole_after = box.clock() - begin
        self.check(box, untouched)
        box.stop()

    def poke(self, box):
        """Everything that pmtr has to deal with, whether it can or not."""
        self.round += 1
        for seconds in (1002, 1004):
            pid = box.pid_of(f"/bin/sleep {seconds}")
            if pid:
                kill(pid, signal.SIGKILL)
        talk = box.pid_of(f"/bin/sh {box.dir}/talk 1")
        if talk:
            kill(talk, signal.SIGUSR1)
        box.save(self.file())
        box.write("needed", str(self.round))
        box.signal(signal.SIGUSR1)
        if self.round % 2:
            box.signal(signal.SIGHUP)
        for verb in ("disable", "enable"):
            box.operator.sendto(f"{verb} switched".encode(), (box.address, 10000))

    def check(self, box, untouched):
        if not box.alive():
            raise Wrong("pmtr has ended")
        now = children(box.pid)
        if len(untouched) != len(SLEEPERS) or any(pid not in now for pid in untouched):
            raise Wrong("a job that nothing had touched has ended")

    def recover(self, box):
        box.await_runs(script.commands(self.file()))
        box.command("disable switched", "disabled switched")
        box.command("enable switched", "enabled switched")
        box.await_runs(script.commands(self.file()))
        box.reports()
        box.await_report("switched e")
        pid = box.pid_of("/bin/sleep 1001")
        kill(pid, signal.SIGKILL)
        box.wait_until("a restart", lambda: box.pid_of("/bin/sleep 1001") not in (None, pid))
        # What was held back comes first, and this is told as well.
        line = f"started job steady [{box.pid_of('/bin/sleep 1001')}]"
        box.wait_until(line, lambda: box.logd.count(line))

    def tell(self):
        wrong = self.wrong
        if not wrong and self.cpu > CPU_LIMIT:
            wrong = "too busy"
        if not wrong and self.whole_after > LIMIT_SECONDS:
            wrong = "too late"
        cpu = f"{100 * self.cpu:.2f} %"
        print(f"{self.title:<34}{cpu:>8}{self.whole_after:>9.2f} s   {wrong}", flush=True)
        if self.log:
            print(self.log)
        return not wrong


def lasting(program, seconds, only):
    """Each fault for so long, all at the same time. Returns whether all went well."""
    titles = [title for title in FAULTS if not only or only in title]
    print(f"for {seconds} seconds{'':<21}processor   well after", flush=True)
    with concurrent.futures.ThreadPoolExecutor(len(titles)) as pool:
        found = list(pool.map(lambda title: Lasting(title, seconds).run(program), titles))
    return not given_up.is_set() and all([one.tell() for one in found])
