#!/usr/bin/env python3
"""read_csv beside pandas and polars, in turn: read_csv.py PROGRAM FOLDER [rounds]

PROGRAM is build/release/bench/csv; in FOLDER two files of 250 MB are made if they are not there, of numbers and of
text. Each turn is a process of its own, pinned to as many cores as it has threads. The least seconds of all rounds are
printed, by the clock and by the processors (which other programs disturb less), their ratios to ravine's, and memory.
"""
import os
import subprocess
import sys

ONE = """
import resource, sys, time
kind, path = sys.argv[1:]
if kind == "pandas":
    import pandas
    read = lambda: pandas.read_csv(path, engine="c")
else:
    import polars
    read = lambda: polars.read_csv(path)
start, before = time.perf_counter(), time.process_time()
table = read()
print(time.perf_counter() - start, time.process_time() - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
"""


def make(path, fields, rows=2_500_000, columns=10):
    import random
    random.seed(1)
    with open(path, "w") as out:
        out.write(",".join(f"x{i}" for i in range(columns)) + "\n")
        for _ in range(rows // 1000):
            out.write("".join(",".join(fields(random) for _ in range(columns)) + "\n" for _ in range(1000)))


def word(random):
    kind = random.random()
    if kind < 0.6:
        return random.choice(["Ideal", "Premium", "Very Good", "Good", "Fair", "chevrolet", "", "plymouth satellite"])
    if kind < 0.9:
        return f"id{random.randrange(10000)}"
    return f'"{random.randrange(1000)}, Main Street"'


def turn(command, threads):
    cores = ",".join(map(str, sorted(os.sched_getaffinity(0))[:threads]))
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), POLARS_MAX_THREADS=str(threads))
    out = subprocess.run(["taskset", "-c", cores, *command], env=environment, check=True, capture_output=True, text=True)
    return [float(number) for number in out.stdout.split()]


program, folder = sys.argv[1:3]
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
for name, fields in [("numbers", lambda random: f"{random.gauss(0, 10):.6f}"), ("text", word)]:
    path = os.path.join(folder, name + ".csv")
    if not os.path.exists(path):
        make(path, fields)
    size = os.path.getsize(path) / 1e6
    for threads, peers in [(1, ["pandas", "polars"]), (2, ["polars"])]:
        best = {}
        for _ in range(rounds):
            for who in ["ravine", *peers]:
                command = [program, path] if who == "ravine" else [sys.executable, "-c", ONE, who, path]
                measured = turn(command, threads)
                best[who] = [min(pair) for pair in zip(measured, best.get(who, measured))]
        for who, (seconds, processor, memory) in best.items():
            print(f"{name:8} {threads} {who:7} {seconds:6.2f} s {size / seconds:6.0f} MB/s, {processor:6.2f} s of processors;"
                  f" {seconds / best['ravine'][0]:5.2f} and {processor / best['ravine'][1]:5.2f} of ravine's;"
                  f" {memory:5.0f} MB for a file of {size:.0f}", flush=True)
