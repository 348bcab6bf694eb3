"""One pmtr in a directory of its own, with a log daemon, a receiver of reports and an operator.

It runs in a mount namespace in which /run is this directory's, so that it finds our log daemon and nobody else's.
Addresses are of loopback, one for each box, so that no two get into each other's way.
"""

import collections
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

COMMAND_PORT, REPORT_PORT = 10000, 9999
# What takes longer than this is not waited for: it is wrong.
PATIENCE_SECONDS = 15
# Nothing in this file is younger when it is killed: it is then restarted at once.
RIPE_SECONDS = 10.2

IN_A_RUN_OF_ITS_OWN = """
mount --make-rprivate /
if [ -S /dev/log ]; then mount --bind /dev/null /dev/log; fi
mount --bind "$1/run" /run
%s
exec "$2" -Fc "$1/pmtr.conf" --state "$1/%s"
"""


# Whoever waits is to wait no more.
given_up = threading.Event()


class Wrong(Exception):
    """Something is not as it should be."""


def wait_until(what, is_so, clock=time.monotonic, patience=PATIENCE_SECONDS):
    """Returns what it has waited for."""
    end = clock() + patience
    while not given_up.is_set():
        found = is_so()
        if found:
            return found
        if clock() > end:
            raise Wrong(f"{what}: not so after {patience} seconds")
        time.sleep(0.005)
    raise Wrong("told to end")


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def stat_fields(pid):
    """What stands behind the name in /proc/PID/stat: the state comes first."""
    return read(f"/proc/{pid}/stat").rpartition(b")")[2].split()


def children(pid):
    return [int(child) for child in read(f"/proc/{pid}/task/{pid}/children").split()]


def descendants(pid):
    found = children(pid)
    for child in list(found):
        found += descendants(child)
    return found


def kill(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class LogDaemon:
    """Takes what comes, unless it is told to stop reading."""

    def __init__(self, path):
        self.path = path
        self.lines = []
        self.reads = threading.Event()
        self.reads.set()
        self.ended = False
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(0.2)
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.ended:
            if not self.reads.wait(0.2):
                continue
            try:
                self.lines.append(self.socket.recv(8192).decode("utf-8", "replace"))
            except TimeoutError:
                pass

    def count(self, text):
        return sum(text in line for line in list(self.lines))

    def end(self):
        self.ended = True
        self.thread.join()
        self.socket.close()


class Box:
    """A running pmtr. To be used in a `with`, at the end of which nothing of it is left."""

    numbers = iter(range(2, 60_000))
    lock = threading.Lock()

    def __init__(self, program, before="", state="state"):
        """`before` is done in the namespace before pmtr starts; `state` is where its state file is kept."""
        with Box.lock:
            number = next(Box.numbers)
        self.address = f"127.{2 + os.getpid() % 250}.{number // 250}.{1 + number % 250}"
        self.dir = tempfile.mkdtemp(prefix="pmtr-faults.")
        os.mkdir(f"{self.dir}/run")
        self.logd = LogDaemon(f"{self.dir}/run/log")
        self.receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.receiver.bind((self.address, REPORT_PORT))
        self.receiver.setblocking(False)
        self.operator = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.operator.bind((self.address, 0))
        self.operator.settimeout(0.25)
        self.program, self.process, self.waited = program, None, 0.0
        self.script = IN_A_RUN_OF_ITS_OWN % (before, state)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
        self.logd.end()
        self.receiver.close()
        self.operator.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    # What an operator does.

    def save(self, jobs, by_rename=True):
        """`jobs` are the texts of jobs; the lines for the network are the same in each file."""
        lines = [f"listen on udp://{self.address}:{COMMAND_PORT}", f"report to udp://{self.address}:{REPORT_PORT}"]
        text = "\n".join(lines + jobs) + "\n"
        text = text.replace("DIR", self.dir).replace("ADDRESS", self.address)
        self.write("pmtr.conf", text, by_rename)

    def write(self, name, text, by_rename=True):
        path = f"{self.dir}/{name}"
        with open(path + ".new" if by_rename else path, "w", encoding="utf-8") as file:
            file.write(text)
        if by_rename:
            os.rename(path + ".new", path)

    def new_log_daemon(self):
        self.logd.end()
        os.unlink(self.logd.path)
        self.logd = LogDaemon(self.logd.path)

    def start(self):
        command = ["unshare", "--mount", "sh", "-ec", self.script, "sh", self.dir, os.path.abspath(self.program)]
        if os.geteuid() != 0:
            command[1:1] = ["--user", "--map-root-user"]
        with open(f"{self.dir}/log", "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pid = self.process.pid

    def ripen(self):
        """Waits until all jobs that run since the start are so old that their end is no quick one."""
        given_up.wait(RIPE_SECONDS)

    def signal(self, number):
        kill(self.pid, number)

    def command(self, text, answer, port=COMMAND_PORT):
        """Sends a command, again and again as one does with datagrams, until the right answer has come."""
        end = self.clock() + PATIENCE_SECONDS
        told = None
        while self.clock() < end and not given_up.is_set():
            self.operator.sendto(text.encode(), (self.address, port))
            try:
                told = self.operator.recv(8192).decode().strip()
            except TimeoutError:
                continue
            except ConnectionRefusedError:
                time.sleep(0.02)
                continue
            # One that is late answers what was asked before.
            if told == answer:
                return
        raise Wrong(f"{text}: the last answer in {PATIENCE_SECONDS} seconds is {told!r}")

    # What there is to see.

    def clock(self):
        """Seconds, but for those in which pmtr wanted a processor and others had it: they are the machine's."""
        waited = read(f"/proc/{self.pid}/schedstat").split()
        if len(waited) > 1:
            self.waited = int(waited[1]) / 1e9
        return time.monotonic() - self.waited

    def wait_until(self, what, is_so):
        return wait_until(what, is_so, self.clock)

    def alive(self):
        return self.process.poll() is None

    def runs(self):
        """The commands of all children of pmtr, in no order; of one that has ended, nothing."""
        commands = (read(f"/proc/{child}/cmdline") for child in children(self.pid))
        return sorted(command.replace(b"\0", b" ").decode("utf-8", "replace").strip() for command in commands)

    def pid_of(self, command):
        """The only child that runs this command."""
        wanted = command.replace(" ", "\0").encode()
        found = [child for child in children(self.pid) if read(f"/proc/{child}/cmdline").rstrip(b"\0") == wanted]
        return found[0] if len(found) == 1 else None

    def await_runs(self, commands):
        """Each of the commands runs once, and nothing else does."""
        commands = sorted(command.replace("DIR", self.dir) for command in commands)
        try:
            self.wait_until("the jobs", lambda: self.runs() == commands or not self.alive())
            if self.alive():
                # What runs a moment later is another matter.
                return
        except Wrong:
            pass
        if not self.alive():
            raise Wrong("pmtr has ended")
        found, wanted = collections.Counter(self.runs()), collections.Counter(commands)
        if found != wanted:
            states = " ".join(self.state(pid) for pid in [self.pid, *descendants(self.pid)])
            raise Wrong(f"runs too much: {list(found - wanted)}; does not run: {list(wanted - found)}; {states}")

    def state(self, pid):
        """What a process does at the moment, for those who wonder why."""
        where = read(f"/proc/{pid}/wchan").decode() or "-"
        call = read(f"/proc/{pid}/syscall").decode().split(" ")[0].strip()
        return f"{pid}:{b''.join(stat_fields(pid)[:1]).decode()}:{where}:{call}"

    def reports(self):
        """The reports that have come since this was asked last."""
        found = []
        while True:
            try:
                found.append(self.receiver.recv(65536).decode("utf-8", "replace"))
            except BlockingIOError:
                return found

    def await_report(self, line):
        self.wait_until(f"a report with {line!r}", lambda: any(line in report for report in self.reports()))

    def cpu_seconds(self):
        fields = stat_fields(self.pid)
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def log(self):
        return read(f"{self.dir}/log").decode("utf-8", "replace")

    # The end.

    def stop(self):
        """Tells pmtr to end, which it must do properly."""
        left = descendants(self.pid)
        self.signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise Wrong("does not end when it is told to") from None
        left = [pid for pid in left if read(f"/proc/{pid}/cmdline")]
        if status != 0 or left:
            raise Wrong(f"ends with status {status} and leaves {left}")

    def end(self):
        """Leaves nothing behind, whatever has become of pmtr."""
        if self.process is None or self.process.poll() == 0:
            return
        if self.alive():
            self.process.kill()
        self.process.wait()
        # Its jobs are in its namespace, and nobody else is.
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if f"{self.dir}/run".encode() in read(f"/proc/{pid}/mountinfo"):
                kill(int(pid), signal.SIGKILL)
