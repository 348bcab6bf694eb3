"""What happens to pmtr while a fault is waiting for it, and what must be so afterwards."""

import os
import signal

from box import Wrong, kill

# Says something when it is told to, and leaves a process behind when it is killed.
TALKER = """#!/bin/sh
trap 'echo said something; echo said something else >&2' USR1
while :; do /bin/sleep 2000 & wait $!; done
"""


def job(name, seconds, *options):
    lines = "".join(f" {option}\n" for option in options)
    return f"job {{\n name {name}\n cmd /bin/sleep {seconds}\n{lines}}}"


def talker(number):
    return f"job {{\n name talker\n cmd DIR/talk {number}\n out syslog\n err syslog\n}}"


# Some are made with our memory and some as a copy of us.
UNTOUCHED = [job("steady", 1001), job("second", 1002, "user root"), job("writer", 1003, "out DIR/out")]
FIRST = [
    *UNTOUCHED,
    job("victim", 1004, "user root"),
    talker(1),
    job("needy", 1005, "depends {\n DIR/needed\n }"),
    job("changed", 1006),
    job("gone", 1007, "out syslog"),
    job("switched", 1008),
    job("watchful", 1009, "depends {\n DIR/elsewhere/needed\n }"),
]


# More than there is room for in the state file at first.
MANY = [job(f"idle{number}", 1, "disable") for number in range(60)]
# More than the C library takes from its heap.
LONG = "# " + 200_000 * "x"


def later(number):
    """The file of a later round: one job is changed, another added, a third gone, and sockets come and go."""
    jobs = [text for text in FIRST if "name gone" not in text and "name changed" not in text]
    if number % 2 == 1:
        jobs = [text for text in jobs if "name watchful" not in text]
    more = [f"listen on udp://ADDRESS:{1100 + number}", f"report to udp://ADDRESS:{1200 + number}"]
    long = [LONG] if number == 2 else []
    new = [job("changed", 1100 + number), job(f"added{number}", 1200 + number, "err syslog")]
    return [*jobs, *MANY, *new, *more, *long]


def commands(jobs, without=()):
    """What is to run under a file."""
    jobs = [text for text in jobs if text.startswith("job") and "disable" not in text]
    names = [(text.split("name ")[1].split("\n")[0], text.split("cmd ")[1].split("\n")[0]) for text in jobs]
    found = [command for name, command in names if name not in without]
    return [f"/bin/sh {command}" if command.startswith("DIR/") else command for command in found]


class Script:
    """All that happens to one box, with how long it took until all was as it should be after each step."""

    def __init__(self, box):
        self.box = box
        self.seconds = {}

    def step(self, name, act, is_so):
        begin = self.box.clock()
        act()
        try:
            is_so()
        except Wrong as why:
            raise Wrong(f"{name}: {why}") from None
        self.seconds[name] = self.box.clock() - begin

    def slowest(self):
        return max(((seconds, name) for name, seconds in self.seconds.items()), default=(0, "nothing"))

    def prepare(self):
        """pmtr runs, and so do its jobs for long enough."""
        box = self.box
        box.write("talk", TALKER)
        os.chmod(f"{box.dir}/talk", 0o755)
        os.mkdir(f"{box.dir}/elsewhere")
        box.write("needed", "1")
        box.write("elsewhere/needed", "1")
        box.save(FIRST)
        box.start()
        box.await_runs(commands(FIRST))
        self.steady = self.pid(1001)
        box.ripen()
        box.wait_until("a report", lambda: any("steady e" in report for report in box.reports()))

    def pid(self, seconds):
        return self.box.wait_until(f"sleep {seconds}", lambda: self.box.pid_of(f"/bin/sleep {seconds}"))

    def another(self, command, before):
        """The command runs again, once, in a process that is not the one before."""
        now = self.box.wait_until(
            f"{command} runs anew", lambda: (self.box.pid_of(command) or before) != before or not self.box.alive()
        )
        if not self.box.alive():
            raise Wrong("pmtr has ended")
        return now

    def killed(self, name, command, jobs):
        pid = self.box.wait_until(command, lambda: self.box.pid_of(command))
        self.step(
            name,
            lambda: kill(pid, signal.SIGKILL),
            lambda: (self.another(command, pid), self.box.await_runs(commands(jobs))),
        )

    def said(self, text, act, times=1):
        """The log daemon gets a line with this text."""
        before = self.box.logd.count(text)
        self.step(text, act, lambda: self.box.wait_until(text, lambda: self.box.logd.count(text) >= before + times))

    def events(self):
        """Everything that pmtr has to deal with."""
        box = self.box
        talk = f"/bin/sh {box.dir}/talk 1"
        self.killed("a job is killed", "/bin/sleep 1004", FIRST)
        self.said("said something", lambda: kill(box.wait_until(talk, lambda: box.pid_of(talk)), signal.SIGUSR1), 2)
        self.killed("a job with a group is killed", talk, FIRST)
        self.step("the file is saved", lambda: box.save(later(1)), lambda: box.await_runs(commands(later(1))))
        needy = self.pid(1005)
        self.step(
            "a depends file is changed",
            lambda: box.write("needed", "2", by_rename=False),
            lambda: (self.another("/bin/sleep 1005", needy), box.await_runs(commands(later(1)))),
        )
        self.step(
            "the file is saved, and SIGHUP",
            lambda: (box.save(later(2), by_rename=False), box.signal(signal.SIGHUP)),
            lambda: box.await_runs(commands(later(2))),
        )
        self.listens(1102)
        self.said("that was the state of", lambda: box.signal(signal.SIGUSR1))
        box.reports()
        self.switched("disable", "enable", later(2))
        self.step("a report comes", lambda: None, lambda: box.await_report("switched e"))
        self.step(
            "a mistake is saved",
            lambda: box.save(["job {"]),
            lambda: box.wait_until("a complaint", lambda: box.logd.count("FAILED to parse")),
        )
        self.step("the log daemon comes anew", box.new_log_daemon, lambda: None)
        self.said("that was the state of", lambda: box.signal(signal.SIGUSR1))

    def switched(self, first, last, jobs):
        box = self.box
        for verb in (first, last):
            without = ["switched"] if verb == "disable" else []
            self.step(
                f"{verb} by command",
                lambda: box.command(f"{verb} switched", f"{verb}d switched"),
                lambda: box.await_runs(commands(jobs, without)),
            )

    def listens(self, port):
        ask = "enable nobody"
        self.step("the new socket", lambda: None, lambda: self.box.command(ask, "unknown nobody", port))

    def whole(self):
        """Everything works as if nothing had happened."""
        box = self.box
        box.await_runs(commands(later(2)))
        if self.pid(1001) != self.steady:
            raise Wrong("a job that nothing had touched was restarted")
        box.reports()
        self.switched("disable", "enable", later(2))
        self.step("a report comes", lambda: None, lambda: box.await_report("switched e"))
        self.listens(1102)
        self.step("the file is saved again", lambda: box.save(later(3)), lambda: box.await_runs(commands(later(3))))
        self.listens(1103)
        self.killed("another job is killed", "/bin/sleep 1002", later(3))
        if self.pid(1001) != self.steady:
            raise Wrong("a job that nothing had touched was restarted afterwards")
        started = f"started job second [{self.pid(1002)}]"
        self.step("the log is told", lambda: None, lambda: box.wait_until(started, lambda: box.logd.count(started)))
        box.stop()
