"""pmtr under faults: each of its system calls fails once, and whatever a machine can run out of is gone for a while.

    tests/faults [OPTION...] [DIRECTORY OF THE PROGRAMS]     default: target/release

With --short there are fewer cases of each kind, and the lasting faults are shorter. Needs strace and the right to make
mount namespaces.
"""

import argparse
import os
import shutil
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import lasting  # noqa: E402
import sweep  # noqa: E402
from box import Wrong, given_up  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs", nargs="?", default="target/release")
    parser.add_argument("--jobs", type=int, default=4 * (os.cpu_count() or 1), help="scripts at a time")
    parser.add_argument("--most", type=int, default=10, help="up to which failure of a kind")
    parser.add_argument("--only", default="", help="only these calls, with commas in between")
    parser.add_argument("--lasting", help="no sweep, and of the lasting faults those with this in their names")
    parser.add_argument("--short", action="store_true")
    args = parser.parse_args()
    for tool in ("strace", "unshare", "mount"):
        if not shutil.which(tool):
            sys.exit(f"faults: FAILED: {tool} is missing")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: given_up.set())
    program = os.path.join(args.programs, "pmtr")
    whens = (1, 2, 5) if args.short else range(1, args.most + 1)
    only = [call for call in args.only.split(",") if call]
    well = True
    if args.lasting is None or only:
        try:
            ran, bad = sweep.sweep(program, args.most, args.jobs, only, whens)
        except Wrong as why:
            # The script did not pass without a fault.
            sys.exit("faults: broken off" if given_up.is_set() else f"faults: FAILED: without any fault: {why}")
        well = bool(ran) and not bad
    if not only and not given_up.is_set():
        well &= lasting.lasting(program, 12 if args.short else 60, args.lasting or "")
    if given_up.is_set():
        sys.exit("faults: broken off")
    if not well:
        sys.exit("faults: FAILED")


if __name__ == "__main__":
    main()
