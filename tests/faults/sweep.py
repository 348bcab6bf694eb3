"""Each system call that the running daemon makes fails once: the first, the second, up to the n-th of its kind."""

import concurrent.futures
import threading
import time

import table
from box import Box, Wrong, given_up, read
from script import Script
from trace import Trace

# How soon everything is whole again after a single fault.
LIMIT_SECONDS = 2.0
# A case that was late is tried again with no other beside it, so often: what is due to other work on the machine does
# not come back.
AGAIN = 2
# While one script runs, so many boxes grow old enough for theirs.
RIPENING = 5


class Case:
    def __init__(self, call, errno, when):
        self.call, self.errno, self.when = call, errno, when
        self.fault = None
        self.seconds, self.step = 0.0, ""
        self.hit, self.dead, self.log = False, False, ""

    def __str__(self):
        return f"{self.call} {self.errno} {self.when}"

    def rule(self, pid):
        if self.call == "brk":
            # It says where the heap ends, be that what was asked for or not.
            return f"brk:retval={heap_end(pid)}:when={self.when}"
        return f"{self.call}:error={self.errno}:when={self.when}"


def heap_end(pid):
    heap = [line for line in read(f"/proc/{pid}/maps").decode().splitlines() if line.endswith("[heap]")]
    return int(heap[0].split()[0].split("-")[1], 16) if heap else 0


def record(program):
    """Which calls the main process makes during the events, and how often, as far as strace can see."""
    with Box(program) as box:
        script = Script(box)
        script.prepare()
        with Trace(box.pid, f"{box.dir}/trace") as trace:
            script.events()
        script.whole()
        return trace.calls()


def run(case, program, gate):
    """One fault in one pmtr."""
    with Box(program) as box:
        script = Script(box)
        try:
            script.prepare()
            with gate:
                with Trace(box.pid, f"{box.dir}/trace", [case.rule(box.pid)]) as trace:
                    try:
                        script.events()
                    finally:
                        case.hit = trace.injected() > 0
                if case.hit:
                    script.whole()
        except Wrong as why:
            case.fault = str(why)
            case.dead = not box.alive()
            case.log = "\n".join(box.log().splitlines()[-25:])
        case.seconds, case.step = script.slowest()


def sweep(program, most, jobs, only, whens):
    """Returns how many cases there were, and those that went wrong."""
    begin = time.monotonic()
    calls = record(program)
    unknown = table.unknown(calls)
    if unknown:
        raise SystemExit(f"faults: FAILED: pmtr makes calls of which tests/faults/table.py knows no errors: {unknown}")
    seen = ", ".join(f"{call} {count}" for call, count in sorted(calls.items()))
    print(f"calls of the main process during the events: {seen}\n", flush=True)
    pairs = [pair for pair in table.pairs(calls) if not only or pair[0] in only]
    # A fault can bring more calls of a kind than there are without one.
    cases = [Case(*pair, when) for when in whens if when <= most for pair in pairs if when <= calls[pair[0]] + 2]
    # After the first one nobody knows where the heap would end.
    cases = [case for case in cases if case.call != "brk" or case.when == 1]
    gate, exhausted, lock = threading.Semaphore(jobs), {}, threading.Lock()

    def work(case):
        pair = (case.call, case.errno)
        if given_up.is_set() or case.when >= exhausted.get(pair, most + 1):
            return case
        run(case, program, gate)
        if not case.hit and case.fault is None:
            with lock:
                exhausted[pair] = min(case.when, exhausted.get(pair, most + 1))
        return case

    done = []
    with concurrent.futures.ThreadPoolExecutor(jobs * (1 + RIPENING)) as pool:
        for future in concurrent.futures.as_completed([pool.submit(work, case) for case in cases]):
            case = future.result()
            if given_up.is_set():
                # Of one that was broken off nothing is to be told.
                continue
            done.append(case)
            if case.fault or case.seconds > LIMIT_SECONDS:
                print(f"{case}: {case.fault or f'{case.seconds:.2f} s until whole: {case.step}'}", flush=True)
    ran = [case for case in done if case.hit or case.fault]
    for _ in range(AGAIN):
        late = [case for case in ran if not case.fault and case.seconds > LIMIT_SECONDS]
        alone = threading.Semaphore(1)
        with concurrent.futures.ThreadPoolExecutor(1 + RIPENING) as pool:
            list(pool.map(lambda case: run(case, program, alone), late))
    tell(ran, time.monotonic() - begin)
    return ran, [case for case in ran if case.fault or case.seconds > LIMIT_SECONDS]


def tell(ran, seconds):
    by_pair = {}
    for case in ran:
        by_pair.setdefault((case.call, case.errno), []).append(case)
    print(f"{'call':<20}{'error':<15}{'cases':>5}   slowest until whole")
    for (call, errno), cases in sorted(by_pair.items()):
        slowest = max(cases, key=lambda case: case.seconds)
        verdict = "" if not any(case.fault for case in cases) else "   WRONG"
        late = "   LATE" if slowest.seconds > LIMIT_SECONDS else ""
        print(f"{call:<20}{errno:<15}{len(cases):>5}   {slowest.seconds:.2f} s, {slowest.step}{verdict}{late}")
    for case in ran:
        if case.fault:
            print(f"\n{case}: {'DEAD' if case.dead else 'WRONG'}: {case.fault}\n{case.log}")
    dead = sum(case.dead for case in ran)
    wrong = sum(bool(case.fault) for case in ran) - dead
    late = sum(not case.fault and case.seconds > LIMIT_SECONDS for case in ran)
    slowest = max((case.seconds for case in ran), default=0)
    print(
        f"\n{len(ran)} cases in {seconds:.0f} s: {dead} dead, {wrong} wrong, {late} later than"
        f" {LIMIT_SECONDS:.0f} s; the slowest was whole after {slowest:.2f} s\n",
        flush=True,
    )
