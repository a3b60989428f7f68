#!/usr/bin/env python3
"""A model of the time of a step on many ranks, from its times on one, by the formula of docs/distributed.md.

usage: scaling.py PROGRAM     PROGRAM: build/release/bench/distributed

A rank computes on ROWS / n rows, as one shard, which is timed here on one thread; it sends at 10 or 100 Gb/s with a
latency of 20 or 2 us, which are assumed. `overlap` is what a step would take if as much of the exchange as fits into the
backward pass, two thirds of the computation, took no time.
"""
import functools
import math
import os
import re
import subprocess
import sys

# Name, rows of a batch, parameters, numbers that each normalization sums up, of how many normalizations.
NETS = [("mnistbn", 4096, 671754, 1024, 2), ("large", 4096, 25175040, 0, 0)]
LINKS = [("10 Gb/s", 1.25e9, 20e-6), ("100 Gb/s", 1.25e10, 2e-6)]


@functools.cache
def computation(program, net, rows):
    """Seconds of a step on one rank."""
    steps = str(max(3, min(200, 40000 // rows))) if net != "large" else "3"
    printed = subprocess.run([program, net, str(rows), steps, "1"], check=True, capture_output=True, text=True,
                             env={**os.environ, "OMP_NUM_THREADS": "1"}).stdout
    return 1e-6 * float(re.search(r"least ([\d.]+) us", printed)[1])


def exchange(ranks, parameters, moments, norms, bandwidth, latency):
    """Seconds that a step waits for others: gradients in slices; of each normalization two sums forward, one back, and
    their sizes before."""
    rounds = math.log2(ranks)
    return (8 * parameters * (1 - 1 / ranks) / bandwidth + 2 * (ranks - 1) * latency +
            norms * 3 * rounds * (2 * latency + 8 * moments / bandwidth) + 2 * rounds * latency)


def main(program):
    print("| net | rows | ranks | alone, ms |" + "".join(f" {link}, ms | speed-up | with overlap |" for link, *_ in LINKS))
    print("|---|---|---|---|" + "---|" * 3 * len(LINKS))
    for net, rows, parameters, moments, norms in NETS:
        alone = computation(program, net, rows)
        for ranks in (8, 64, 512):
            mine = computation(program, net, rows // ranks)
            line = f"| {net} | {rows} | {ranks} | {1e3 * alone:.0f} |"
            for _, bandwidth, latency in LINKS:
                wait = exchange(ranks, parameters, moments, norms, bandwidth, latency)
                overlapped = mine + wait - min(8 * parameters * (1 - 1 / ranks) / bandwidth, mine * 2 / 3)
                line += f" {1e3 * (mine + wait):.1f} | {alone / (mine + wait):.1f} | {alone / overlapped:.1f} |"
            print(line, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
