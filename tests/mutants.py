#!/usr/bin/env python3
"""Makes mistakes in the pure modules, one at a time, and demands that a test fails for each.

cargo-mutants makes up the mistakes, the mutants; this script adds statements and calls that can be deleted.
A build for each mutant would take hours. Instead one program has them all: each function contains a copy of its body
for each of its mutants, and PMTR_MUTANT selects the copy that runs. `.cargo/mutants.toml` names the files, and the
mutants that need not be noticed.
"""

import argparse
import bisect
import collections
import concurrent.futures
import itertools
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CARGO = os.environ.get("CARGO", "cargo")
# The random tests make fewer rounds than in `make check`. With more threads than processors, a test that never ends
# does not keep the others from failing. What only a debugger needs, and warnings, are left out of the build.
ENV = dict(os.environ, PMTR_SIM_SEEDS="4000", PMTR_ROUNDS="3", RUST_TEST_THREADS="8", RUST_BACKTRACE="0")
ENV |= {"CARGO_PROFILE_TEST_DEBUG": "0", "CARGO_INCREMENTAL": "0", "RUSTFLAGS": "--cap-lints=allow"}
# The tests that judge, by target, without those of the shell and one that only measures time.
SUITES = {
    "sim": [],
    "pmtr": ["--skip=client::", "--skip=daemon::", "--skip=sys::"],
    "config": ["--skip=a_text_of_the_greatest_size_takes_no_more_than_its_length_in_time"],
}

# Added to the copy of the library.
SWITCH = """
mod mutants {
    static WHICH: std::sync::LazyLock<u32> =
        std::sync::LazyLock::new(|| std::env::var("PMTR_MUTANT").map_or(0, |number| number.parse().unwrap()));
    pub fn which() -> u32 {
        *WHICH
    }
}
"""


class Source:
    """The text of a file, and its lines and columns, from 1, as places in the text."""

    def __init__(self, path):
        with open(os.path.join(ROOT, path), encoding="utf-8") as f:
            self.text = f.read()
        self.starts = [0, *(found.end() for found in re.finditer("\n", self.text))]

    def span(self, span):
        ends = (span["start"], span["end"])
        return tuple(self.starts[at["line"] - 1] + at["column"] - 1 for at in ends)


class Function:
    """A function: where it ends, and where its body begins after the brace."""

    def __init__(self, source, path, found):
        self.path, self.name, self.result = path, found["function_name"], found["return_type"]
        self.start, self.end = source.span(found["span"])
        # Comments and attributes come first.
        head = re.compile(r"(?:\s*(?://|#\[).*\n)*").match(source.text, self.start).end()
        self.body = source.text.index("{", head) + 1
        self.const = "const fn" in source.text[head : self.body]
        self.mutants = []


# The function, what the mutant is called, and what replaces the text from `start` to `end`.
Mutant = collections.namedtuple("Mutant", "number name function start end text")


def made_up(globs):
    """The sources by path, and the functions with all their mutants."""
    command = [CARGO, "mutants", "--no-config", "--list", "--json", *(f"--file={glob}" for glob in globs)]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit("make mutants: cargo-mutants failed. If it is missing: cargo install --locked cargo-mutants")
    # What is in a constant is decided before the program runs, so it cannot be told which mutant to be.
    mutants = [found for found in json.loads(run.stdout) if found["function"]]
    sources = {path: Source(path) for path in {found["file"] for found in mutants}}
    functions, numbers = [], itertools.count(1)
    # The outermost functions come first: what is inside of one is part of its body.
    mutants.sort(key=lambda found: (found["file"], sources[found["file"]].span(found["function"]["span"])))
    for found in mutants:
        path, source = found["file"], sources[found["file"]]
        span = source.span(found["span"])
        function = next((f for f in functions if f.path == path and f.start <= span[0] < f.end), None)
        if function is None:
            function = Function(source, path, found["function"])
            functions.append(function)
        function.mutants.append(Mutant(next(numbers), found["name"], function, *span, found["replacement"]))
    for function in functions:
        source = sources[function.path]
        for start, end in [*statements(source.text, function), *calls(source.text, function)]:
            first, *more = source.text[start:end].splitlines()
            line = bisect.bisect(source.starts, start)
            name = f"{function.path}:{line}: delete {first}{' ...' if more else ''} in {function.name}"
            function.mutants.append(Mutant(next(numbers), name, function, start, end, ""))
    return sources, functions


def statements(text, function):
    """Statements of a formatted body that can be deleted: they begin and end a line and declare nothing."""
    lines = re.compile(r"^( *)(?!//)(\S.*)$", re.M)
    found = list(lines.finditer(text, text.rindex("\n", 0, function.body), function.end))
    for before, (number, line) in zip(found, itertools.islice(enumerate(found), 1, None)):
        if before[2][-1] not in "{};" or re.match(r"(let|use|const|static|fn|type)\b|[})#]", line[2]):
            continue
        block = re.match(r"(if|for|while|loop|match)\b", line[2])
        # Up to the first line that is not further to the right and ends it.
        for last in found[number:]:
            closes = last is line or last[1] == line[1] and last[2][0] in "})].?"
            if not closes and len(last[1]) <= len(line[1]):
                break
            if closes and (last[2][-1] == ";" or block and last[2] == "}"):
                yield line.start(2), last.end(2)
                break


def calls(text, function):
    """Calls that change a value without changing its type."""
    names = "chain|clamp|filter|max|min|or|rev|saturating_mul|skip|take_while"
    for found in re.compile(rf"\.(?:{names})\(").finditer(text, function.body, function.end):
        depths = itertools.accumulate((c == "(") - (c == ")") for c in text[found.end() - 1 :])
        yield found.start(), found.end() + next(at for at, depth in enumerate(depths) if depth == 0)


def with_mutants(text, functions):
    """A source with a copy of the body for each mutant. Comments mark the lines of the copies."""
    parts, at = [], 0
    for function in functions:
        if not function.mutants:
            continue
        start, end = function.body, function.end - 1
        copies = [(m.number, text[start : m.start] + m.text + text[m.end : end]) for m in function.mutants]
        # Copies that return a type without a name return different types: a box has room for each.
        unnamed = re.match(r"-> impl (.+?)( *\+.*)?$", function.result)
        before, after = ("Box::new({", f"}}) as Box<dyn {unnamed[1]} + '_>") if unnamed else ("", "")
        parts += [text[at:start], "\nmatch crate::mutants::which() {\n"]
        for number, copy in [*copies, (0, text[start:end])]:
            parts.append(f"{number or '_'} => {{ // mutant {number}\n{before}{copy}\n{after}}}\n")
        parts.append("// mutant 0\n}\n")
        at = end
    return "".join([*parts, text[at:]])


def culprit(lines, error):
    """The mutant that an error of the compiler is about."""
    # Its own place comes first; others are related to it.
    for span in sorted(error["spans"], key=lambda span: not span["is_primary"]):
        while span["file_name"] not in lines and span["expansion"]:
            span = span["expansion"]["span"]
        before = reversed(lines.get(span["file_name"], [])[: span["line_start"]])
        number = next((int(line.rpartition(" ")[2]) for line in before if "// mutant " in line), 0)
        if number:
            return number
    sys.exit(error["rendered"])


def cargo(tree, *arguments):
    """Runs cargo, and returns how it ended and its messages."""
    env = dict(ENV, CARGO_TARGET_DIR=os.path.join(tree, "target"))
    command = [CARGO, *arguments, "--locked", "--message-format=json"]
    run = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True)
    return run, [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


def viable(tree, sources, functions):
    """Takes away the mutants that don't compile, and returns how many they were."""
    count = 0
    while True:
        lines = {}
        for path, source in sources.items():
            text = with_mutants(source.text, [f for f in functions if f.path == path])
            lines[path] = text.splitlines()
            with open(os.path.join(tree, path), "w", encoding="utf-8") as f:
                f.write(text)
        run, messages = cargo(tree, "check", "--lib")
        if run.returncode == 0:
            return count
        errors = [m["message"] for m in messages if m.get("message", {}).get("level") == "error"]
        wrong = {culprit(lines, error) for error in errors if error["spans"]}
        if not wrong:
            sys.exit(run.stderr)
        count += len(wrong)
        for function in functions:
            function.mutants = [m for m in function.mutants if m.number not in wrong]


def build(tree):
    """The test programs by target."""
    run, messages = cargo(tree, "test", "--no-run", "--lib", "--test", "sim", "--test", "config")
    if run.returncode:
        sys.exit(run.stderr + "".join(m["message"]["rendered"] for m in messages if "message" in m))
    built = [m for m in messages if m["reason"] == "compiler-artifact" and m["profile"]["test"]]
    return {m["target"]["name"]: m["executable"] for m in built}


def failure(tree, program, suite, number, seconds):
    """Why the tests fail with this mutant, or None. They end at the first failure."""
    # 2 GiB of memory, and no core dumps.
    limits = f'ulimit -c 0; ulimit -v {2 << 20}; ulimit -t {seconds}; exec "$@"'
    command, env = ["sh", "-c", limits, "sh", program, *SUITES[suite]], dict(ENV, PMTR_MUTANT=str(number))
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    run = subprocess.Popen(command, cwd=tree, env=env, text=True, errors="replace", start_new_session=True, **pipes)
    try:
        for line in run.stdout:
            failed = re.match(r"test (\S+) \.\.\. FAILED", line)
            if failed:
                return failed[1]
        status = run.wait()
        return {0: None, -signal.SIGKILL: "does not come to an end"}.get(status, f"ends with status {status}")
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
        run.communicate()


def limits_of(tree, programs):
    """The processor seconds that each suite may take: three times those without a mutant, when it must pass."""
    limits = {}
    for suite in SUITES:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        failed = failure(tree, programs[suite], suite, 0, 600)
        if failed:
            sys.exit(f"make mutants: {suite} fails without any mutant: {failed}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        limits[suite] = 2 + int(3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    return limits


def judge(tree, programs, limits, mutant):
    """What catches a mutant, if anything."""
    # What has little to do with the simulation is left to the unit tests first.
    away = mutant.function.path.startswith(("src/model/", "src/wire/"))
    suites = ["pmtr", "config", "sim"] if away else list(SUITES)
    failures = (failure(tree, programs[suite], suite, mutant.number, limits[suite]) for suite in suites)
    return next(filter(None, failures), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("word", nargs="?", default="", help="only mutants whose name contains it")
    parser.add_argument("--jobs", type=int, default=1, help="how many mutants run at a time")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth mutant")
    parser.add_argument("--caught", action="store_true", help="also print what caught each mutant")
    args = parser.parse_args()
    with open(os.path.join(ROOT, ".cargo", "mutants.toml"), "rb") as f:
        config = tomllib.load(f)
    sources, functions = made_up(config["examine_globs"])
    everything = [mutant for function in functions for mutant in function.mutants]
    excluded = set()
    for pattern in config["exclude_re"]:
        matching = {m.number for m in everything if re.search(pattern, m.name)}
        if not matching:
            sys.exit(f"make mutants: .cargo/mutants.toml excludes what does not exist: {pattern}")
        excluded |= matching
    rest = [m for m in everything if m.number not in excluded and args.word in m.name][:: args.every]
    # The value of a constant is needed before there is an environment.
    left_out = [m for m in rest if m.function.const]
    chosen = {m.number for m in rest if not m.function.const}
    for function in functions:
        function.mutants = [m for m in function.mutants if m.number in chosen]

    with tempfile.TemporaryDirectory(prefix="pmtr-mutants-") as work:
        tree = os.path.join(work, "tree")
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns("target", ".git"))
        with open(os.path.join(tree, "src", "lib.rs"), "a", encoding="utf-8") as f:
            f.write(SWITCH)
        print(f"building {len(chosen)} of {len(everything)} mutants", flush=True)
        not_viable = viable(tree, sources, functions)
        programs = build(tree)
        limits = limits_of(tree, programs)
        mutants = [mutant for function in functions for mutant in function.mutants]
        survived = 0
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            judged = pool.map(lambda mutant: judge(tree, programs, limits, mutant), mutants)
            for mutant, caught in zip(mutants, judged):
                survived += caught is None
                if caught is None:
                    print(f"SURVIVED: {mutant.name}", flush=True)
                elif args.caught:
                    print(f"caught: {mutant.name}: {caught}", flush=True)
    for mutant in left_out:
        print(f"left out, in a const function: {mutant.name}")
    print(
        f"{len(everything)} mutants, {len(excluded)} of them excluded; of {len(rest)}: {len(left_out)} left out,"
        f" {not_viable} do not compile, {len(mutants) - survived} caught, {survived} survived"
    )
    sys.exit(survived > 0)


main()
