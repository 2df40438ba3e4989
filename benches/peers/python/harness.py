"""What the Python peers share: the command line, the clock and the line that they print."""

import argparse
import os
import statistics
import sys
import time

WARM_UP = 0.3  # seconds, and at least three calls
MEASURE = 0.6  # seconds, and at least REPETITIONS
REPETITIONS = 30
LIMIT = 6.0  # seconds: a slow workload stops here, with at least five repetitions
SHORTEST = 50e-6  # seconds: shorter calls are timed several at a time


def arguments(**flags):
    """Parses `[--threads N] [NAME...]`; sets the thread variables, so call it before importing a peer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("names", nargs="*", metavar="NAME")
    for flag, text in flags.items():
        parser.add_argument(f"--{flag}", action="store_true", help=text)
    arguments = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC"):
        os.environ[variable] = str(arguments.threads)
    return arguments


def measure(call, wait=None):
    """Median and minimum seconds of `call()`. `wait`, if given, waits for the work of the calls before it."""
    clock = time.perf_counter

    def run(times):
        start = clock()
        for _ in range(times):
            call()
        if wait is not None:
            wait()
        return clock() - start

    calls, start = 0, clock()
    while calls < 3 or clock() - start < WARM_UP:
        run(1)
        calls += 1
        if clock() - start > LIMIT:
            break
    once = min(run(1) for _ in range(3))
    times = 1 if once >= SHORTEST else max(1, round(SHORTEST / once))

    seconds, start = [], clock()
    while True:
        seconds.append(run(times) / times)
        elapsed = clock() - start
        if len(seconds) >= REPETITIONS and elapsed >= MEASURE:
            break
        if len(seconds) >= 5 and elapsed >= LIMIT:
            break
    return statistics.median(seconds), min(seconds)


def run(workloads, arguments):
    """Measures `workloads`, a dict from a name to a function that prepares it and returns what to time.

    That is `call`, or `(call, wait)`, or `(call, wait, steps)` if one call makes that many steps.
    """
    names = arguments.names or list(workloads)
    for name in names:
        if name not in workloads:
            print(f"{name}: not here", file=sys.stderr)
            continue
        prepared = workloads[name]()
        call, wait, steps = (*prepared, 1)[:3] if isinstance(prepared, tuple) else (prepared, None, 1)
        median, minimum = (1e6 * seconds / steps for seconds in measure(call, wait))
        print(f"{name}\t{arguments.threads}\t{median:.3f}\t{minimum:.3f}", flush=True)
