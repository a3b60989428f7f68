#!/usr/bin/env python3
"""Whole training steps on a busy machine: one thread, two threads whatever they cost, and what the library chooses.

busy.py [--cases tiny,reg] [--busy 0,2,taskset] [--rounds N] [--seconds S] [--build build/release]

Beside the steps run 0, 1, 2 or 4 processes that do nothing but compute, or none and the step has one core (taskset).
The three contenders take turns; times are the mean over all steps and the median over all turns' medians, and the
ratios are the library's choice over the better of the other two.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

CASES = ["tiny", "reg", "mnist", "mnistbn", "large"]
CONTENDERS = {"one": ["1"], "two": ["2", "held"], "library": ["0"]}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                 usage=argparse.SUPPRESS)
parser.add_argument("--cases", default=",".join(CASES))
parser.add_argument("--busy", default="0,1,2,4,taskset")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--seconds", type=float, default=0.5, help="of a turn")
parser.add_argument("--build", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "../build/release"))
args = parser.parse_args()

environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}


def start(case, pinned):
    """{contender: its process}, ready to measure."""
    processes = {}
    for name, (threads, *held) in CONTENDERS.items():
        command = [f"{args.build}/bench/training", case, threads, "-", *held]
        processes[name] = subprocess.Popen(["taskset", "-c", "0", *command] if pinned else command, env=environment,
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for process in processes.values():
        measure(process, 0)
    return processes


def measure(process, seconds):
    time.sleep(0.02)  # the threads of the one before spin for some milliseconds
    process.stdin.write(f"{seconds}\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def stop(processes):
    for process in processes.values():
        process.stdin.close()
        process.wait()


def compare(case, busy, processes):
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(0 if busy == "taskset" else int(busy))]
    time.sleep(0.2 if others else 0.0)
    turns = {name: [] for name in processes}
    for _ in range(args.rounds):
        for name, process in processes.items():
            turns[name].append(measure(process, args.seconds))
    for other in others:
        other.kill()
        other.wait()
    # A turn takes as long whatever its steps take: the harmonic mean weighs each step alike.
    mean = {name: statistics.harmonic_mean([t["mean_us"] for t in turns[name]]) for name in turns}
    median = {name: statistics.median(t["median_us"] for t in turns[name]) for name in turns}
    row = [f"| {case} | {busy} |"]
    for times in (mean, median):
        row += [f"{times[name]:.4g} |" for name in CONTENDERS]
        row.append(f"{times['library'] / min(times['one'], times['two']):.2f} |")
    print(*row, flush=True)


print("| case | busy | mean us: one | two | library | ratio | median us: one | two | library | ratio |")
print("|---|---|---|---|---|---|---|---|---|---|")
for case in args.cases.split(","):
    conditions = args.busy.split(",")
    for pinned in (False, True):
        chosen = [c for c in conditions if (c == "taskset") == pinned]
        if not chosen:
            continue
        processes = start(case, pinned)
        for busy in chosen:
            compare(case, busy, processes)
        stop(processes)
