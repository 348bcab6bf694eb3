#!/usr/bin/env python3
"""pmtr, pmtr-rptserver, node-exporter and Prometheus, one behind the other, on loopback.

Jobs with hostile names report to a receiver, whose metrics promtool must have nothing to say about and a real
Prometheus must read through node-exporter's textfile collector, name by name. The example's rules are checked, run
through their own test, and loaded.

    tests/prometheus.py [DIRECTORY OF THE PROGRAMS]      default: target/release
"""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
RULES = ROOT / "examples" / "prometheus"
NEEDED = ["promtool", "prometheus", "prometheus-node-exporter"]
# Nothing here takes half of it, even on a slow machine.
LIMIT_SECONDS = 120

# Names as the file may have them: bytes that are no text, quotes, braces, what Prometheus or a terminal could obey.
HOSTILE = [
    b"plain",
    b'quote"in',
    b"back\\slash",
    b"back\\\\slash",
    b"\\xff",
    b"\xff",
    b"\xc3\xa9t\xc3\xa9",
    b"half\xc3",
    b"brace{job=a}",
    b"comma,equals=1",
    b"hash#tag",
    b"new\\nline",
    b"percent%s%n",
    b"a" * 255,
    "\u202eright-to-left".encode(),
]


def fail(why):
    sys.exit(f"prometheus: FAILED: {why}")


def free_ports(count, kind):
    sockets = [socket.socket(socket.AF_INET, kind) for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def quoted(word):
    return b'"' + word.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def label(name):
    """The label that a job's name is to have: injective, and valid text."""
    text = ""
    for char in name.decode("utf-8", "surrogateescape"):
        code = ord(char)
        if 0xDC80 <= code <= 0xDCFF:
            text += f"\\x{code - 0xDC00:02x}"
        elif char == "\\":
            text += "\\\\"
        else:
            text += char
    return text


def fetch(port, path, **query):
    url = f"http://127.0.0.1:{port}{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=10) as reply:
        return reply.read()


def query(port, expression):
    reply = json.loads(fetch(port, "/api/v1/query", query=expression))
    return reply["data"]["result"]


def until(what, ask, holds=bool):
    """Asks again and again until the answer is right; the time between does not decide anything."""
    end = time.monotonic() + LIMIT_SECONDS
    answer = None
    while time.monotonic() < end:
        try:
            answer = ask()
        except OSError as error:
            answer = None
            last = error
        else:
            last = answer
        if holds(answer):
            return answer
        time.sleep(0.2)
    fail(f"{what}: not within {LIMIT_SECONDS} seconds; last: {last}")


def main():
    missing = [tool for tool in NEEDED if shutil.which(tool) is None]
    if missing:
        print(f"prometheus: skipped, not installed: {' '.join(missing)}")
        return
    programs = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target" / "release").resolve()
    subprocess.run(["promtool", "check", "rules", "pmtr.rules.yml"], cwd=RULES, check=True)
    subprocess.run(["promtool", "test", "rules", "pmtr.rules.test.yml"], cwd=RULES, check=True)
    with tempfile.TemporaryDirectory(prefix="pmtr-prometheus.") as name:
        started = []
        try:
            chain(programs, pathlib.Path(name), started)
        finally:
            for process in reversed(started):
                process.terminate()
            for process in reversed(started):
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
    print("prometheus: all is well")


def chain(programs, scratch, started):
    log = open(scratch / "log", "wb")

    def start(*command):
        started.append(subprocess.Popen([str(word) for word in command], stdout=log, stderr=log, cwd=scratch))

    [report] = free_ports(1, socket.SOCK_DGRAM)
    exporter, prometheus = free_ports(2, socket.SOCK_STREAM)
    text = scratch / "textfile"
    text.mkdir()
    metrics = text / "pmtr.prom"
    start(programs / "pmtr-rptserver", "-p", report, "-f", scratch / "status", "--metrics", metrics)
    until("the receiver writes its metrics", metrics.exists)

    jobs = [b"job {\n  name %s\n  cmd /bin/sleep 3600\n}\n" % quoted(name) for name in HOSTILE]
    jobs.append(b"job {\n  name off\n  cmd /bin/sleep 3600\n  disable\n}\n")
    jobs.append(b"job {\n  name broken\n  cmd /nonexistent\n}\n")
    config = scratch / "pmtr.conf"
    config.write_bytes(b"report to udp://127.0.0.1:%d\n" % report + b"".join(jobs))
    start(programs / "pmtr", "-F", "-c", config, "--state", config.parent / "state")
    until("the metrics have the jobs", lambda: metrics.read_bytes().count(b"\npmtr_job_up{") == len(jobs))

    checked = subprocess.run(["promtool", "check", "metrics"], stdin=open(metrics, "rb"), capture_output=True)
    said = checked.stdout + checked.stderr
    if checked.returncode != 0 or said:
        fail(f"promtool check metrics: {said.decode(errors='replace')}")

    start(
        "prometheus-node-exporter",
        "--collector.disable-defaults",
        "--collector.textfile",
        f"--collector.textfile.directory={text}",
        f"--web.listen-address=127.0.0.1:{exporter}",
    )
    (scratch / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{RULES}/pmtr.rules.yml"]
scrape_configs:
  - job_name: receiver
    static_configs: [{{targets: ["127.0.0.1:{exporter}"]}}]
""")
    subprocess.run(["promtool", "check", "config", scratch / "prometheus.yml"], check=True, stdout=log)
    start(
        "prometheus",
        f"--config.file={scratch}/prometheus.yml",
        f"--storage.tsdb.path={scratch}/data",
        f"--web.listen-address=127.0.0.1:{prometheus}",
    )

    def series(expression):
        return {each["metric"]["name"]: each["value"][1] for each in query(prometheus, expression)}

    # A job whose program is missing runs for the moment in which that is found out: the first report may see it.
    wanted = {label(each): "1" for each in HOSTILE} | {"off": "0", "broken": "0"}
    until(f"Prometheus has the jobs {wanted}", lambda: series("pmtr_job_up"), lambda up: up == wanted)
    enabled = series("pmtr_job_enabled")
    if enabled != {name: "0" if name == "off" else "1" for name in wanted}:
        fail(f"pmtr_job_enabled is {enabled}")
    scraped = fetch(exporter, "/metrics").decode()
    if not re.search(r"^node_textfile_scrape_error 0$", scraped, re.M):
        fail("node-exporter can't read the metrics")
    [age] = query(prometheus, "pmtr_host_report_age_seconds")
    if age["metric"]["address"] != "127.0.0.1" or float(age["value"][1]) > 30:
        fail(f"pmtr_host_report_age_seconds is {age}")

    # The alert about the broken job begins at once and is one after a minute, which the test of the rules shows.
    def pending():
        groups = json.loads(fetch(prometheus, "/api/v1/rules"))["data"]["groups"]
        found = [alert for group in groups for rule in group["rules"] for alert in rule.get("alerts", [])]
        return {(alert["labels"]["alertname"], alert["labels"].get("name")) for alert in found}

    until("the broken job is on its way to an alert", lambda: ("PmtrJobDown", "broken") in pending())
    strangers = [each for each in pending() if each not in {("PmtrJobDown", "broken"), ("PmtrJobDisabled", "off")}]
    if strangers:
        fail(f"alerts without a reason: {strangers}")


if __name__ == "__main__":
    os.environ["LC_ALL"] = "C"
    main()
