#!/usr/bin/env python3
"""How much of the pure modules the quick tests run: a table by module, and a failure where it is too little.

Lines and branches are counted by the compiler's own instruments, those of the tests themselves left out.
--missing also names each line and branch that is not run.
"""

import argparse
import collections
import json
import os
import subprocess
import sys

MODULES = ["model", "config", "diff", "job", "supervisor", "wire", "fleet", "cli"]
LINES, BRANCHES = 95.0, 90.0

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "coverage")
CARGO = os.environ.get("CARGO", "cargo")
# Instrumented random tests are slow: a part of their rounds is run, and those that only measure are not.
ROUNDS = {"PMTR_SIM_SEEDS": "1000", "PMTR_ROUNDS": "3"}
SKIPPED = ["a_text_of_the_greatest_size_takes_no_more_than_its_length_in_time"]


def tool(name):
    """A tool of the compiler's own LLVM: those of another version can't read its profiles."""
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True)
    version = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    host = next(line.split()[1] for line in version.splitlines() if line.startswith("host:"))
    path = os.path.join(sysroot.stdout.strip(), "lib", "rustlib", host, "bin", name)
    if not os.path.exists(path):
        sys.exit(f"make coverage: {name} is missing. Try: rustup component add llvm-tools")
    return path


def build():
    """Builds the tests with instruments, and tells where the programs are."""
    # Branches are an instrument that the stable compiler has, but not without this word.
    env = dict(os.environ, CARGO_TARGET_DIR=TARGET, RUSTC_BOOTSTRAP="1", CARGO_PROFILE_TEST_DEBUG="0")
    env["RUSTFLAGS"] = "-C instrument-coverage -Z coverage-options=branch"
    # Those who are built leave profiles as well: they go where nobody looks.
    env["LLVM_PROFILE_FILE"] = os.path.join(TARGET, "build.profraw")
    command = [CARGO, "test", "--locked", "--no-run", "--message-format=json-render-diagnostics"]
    command += ["--lib", "--test", "config", "--test", "sim"]
    run = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit("make coverage: the tests can't be built")
    programs = {}
    for message in map(json.loads, run.stdout.splitlines()):
        if message["reason"] == "compiler-artifact" and message["profile"]["test"] and message["executable"]:
            programs[message["target"]["name"]] = message["executable"]
    return programs


def run(programs):
    """Runs the tests, and returns the files that tell what was run."""
    profiles = []
    for name, program in programs.items():
        profile = os.path.join(TARGET, f"{name}.profraw")
        env = dict(os.environ, LLVM_PROFILE_FILE=profile, **ROUNDS)
        filters = [f"{module}::" for module in MODULES] if name == "pmtr" else []
        skipped = [word for test in SKIPPED for word in ("--skip", test)]
        if subprocess.run([program, "--quiet", *filters, *skipped], cwd=ROOT, env=env).returncode:
            sys.exit(f"make coverage: the tests of {name} fail")
        profiles.append(profile)
    return profiles


def is_test(path):
    name = os.path.basename(path)
    return "/tests/" in path or name.endswith("tests.rs") or name == "testing.rs"


def end_of_code(path):
    """The line with which a file's own tests begin."""
    with open(path, encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            if line.startswith("#[cfg(test)]"):
                return number
    return sys.maxsize


def measure(programs, profiles):
    """For each file and what is counted in it: how often each place was run."""
    merged = os.path.join(TARGET, "merged.profdata")
    subprocess.run([tool("llvm-profdata"), "merge", "-sparse", *profiles, "-o", merged], check=True)
    first, *others = programs.values()
    command = [tool("llvm-cov"), "export", first, "--instr-profile", merged, "--format=lcov"]
    command += [word for program in others for word in ("--object", program)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines, branches = collections.defaultdict(dict), collections.defaultdict(collections.Counter)
    source = os.path.join(ROOT, "src") + os.sep
    path, end = None, 0
    for kind, _, value in (line.partition(":") for line in text.splitlines()):
        if kind == "SF":
            path = value[len(source) :] if value.startswith(source) and not is_test(value) else None
            end = end_of_code(value) if path else 0
        elif path and kind in ("DA", "BRDA"):
            number, *rest = value.split(",")
            if int(number) < end and kind == "DA":
                lines[path][int(number)] = int(rest[0])
            elif int(number) < end:
                branches[path][(int(number), rest[0], rest[1])] += int(rest[2]) if rest[2] != "-" else 0
    return lines, branches


def show_missing(path, lines, branches):
    places = [str(number) for number, count in sorted(lines.items()) if count == 0]
    sides = sorted({str(place[0]) for place, count in branches.items() if count == 0}, key=int)
    if places or sides:
        print(f"  src/{path}: lines {', '.join(places) or 'all run'}; branches of {', '.join(sides) or 'none'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="also tell what is not run")
    args = parser.parse_args()
    tool("llvm-cov")
    programs = build()
    lines, branches = measure(programs, run(programs))
    print(f"{'module':12}{'lines':>8}{'run':>8}{'%':>8}{'branches':>10}{'taken':>8}{'%':>8}")
    bad = []
    for module in [*MODULES, "all"]:
        paths = [path for path in lines if module in ("all", path.split("/")[0].removesuffix(".rs"))]
        paths = [path for path in paths if path.split("/")[0].removesuffix(".rs") in MODULES]
        figures = []
        for counts, least in (lines, LINES), (branches, BRANCHES):
            found = [count for path in paths for count in counts[path].values()]
            taken = sum(count > 0 for count in found)
            percent = 100.0 * taken / len(found) if found else 100.0
            figures += [len(found), taken, percent]
            if percent < least:
                bad.append(f"{module}: {percent:.1f} % where {least:.0f} % are wanted")
        shown = "{:8}{:8}{:8.1f}{:10}{:8}{:8.1f}".format(*figures)
        print(f"{module:12}{shown}")
        if args.missing and module != "all":
            for path in sorted(paths):
                show_missing(path, lines[path], branches[path])
    if not lines:
        bad.append("nothing was measured")
    if bad:
        sys.exit("make coverage: " + "; ".join(bad))


main()
