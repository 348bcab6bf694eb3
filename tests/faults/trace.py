"""System calls of a running process, watched or made to fail by strace."""

import os
import re
import signal
import subprocess


class Trace:
    """strace attached to one process, and to none of its children, for as long as a `with` lasts."""

    def __init__(self, pid, path, rules=()):
        """`rules` are CALL[,CALL...]:WHAT as in strace's `inject=`; without any, all calls are written down."""
        calls = ",".join(rule.split(":")[0] for rule in rules) or "all"
        command = ["strace", "-o", path, "-p", str(pid), "-e", f"trace={calls}", "-e", "signal=none"]
        for rule in rules:
            command += ["-e", f"inject={rule}"]
        self.path, self.command, self.process = path, command, None

    def __enter__(self):
        # Else the trace of the one before would count for this.
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        said = []
        for line in self.process.stderr:
            if "attached" in line:
                return self
            # A warning, or why it ends.
            said.append(line.strip())
        self.__exit__()
        raise OSError("; ".join(said))

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.communicate()

    def text(self):
        try:
            with open(self.path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def injected(self):
        """How many calls have failed."""
        return self.text().count("(INJECTED)")

    def calls(self):
        """How often each call was made."""
        counts = {}
        for name in re.findall(r"^(\w+)\(", self.text(), re.M):
            counts[name] = counts.get(name, 0) + 1
        return counts
