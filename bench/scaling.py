#!/usr/bin/env python3
"""A model of the time of a step on many ranks, from its times on one, by the formula of docs/distributed.md.

usage: scaling.py PROGRAM     PROGRAM: build/release/bench/distributed

A rank computes on ROWS / n rows, as one shard, which is timed here on one thread; it sends at 10 or 100 Gb/s with a
latency of 20 or 2 us, which are assumed. Buckets of gradients but for the last one go while the backward pass goes on:
`speed-up` has as much of them as fits into that, two thirds of the computation, take no time; `after` has all take theirs.
"""
import functools
import math
import os
import re
import subprocess
import sys

# Name, rows of a batch, parameters of layers, numbers that each normalization sums up, of how many normalizations.
NETS = [("mnistbn", 4096, [402944, 263680, 5130], 1024, 2), ("deep", 4096, [401920] + [262656] * 7 + [5130], 0, 0),
        ("large", 4096, [4198400, 16781312, 4195328], 0, 0)]
LINKS = [("10 Gb/s", 1.25e9, 20e-6), ("100 Gb/s", 1.25e10, 2e-6)]


@functools.cache
def computation(program, net, rows):
    """Seconds of a step on one rank."""
    steps = str(max(3, min(200, 40000 // rows))) if net != "large" else "3"
    printed = subprocess.run([program, net, str(rows), steps, "1"], check=True, capture_output=True, text=True,
                             env={**os.environ, "OMP_NUM_THREADS": "1"}).stdout
    return 1e-6 * float(re.search(r"least ([\d.]+) us", printed)[1])


def in_slices(ranks, parameters, bandwidth, latency):
    """Seconds that a bucket of gradients takes."""
    return 8 * parameters * (1 - 1 / ranks) / bandwidth + 2 * (ranks - 1) * latency


def in_rounds(ranks, moments, norms, bandwidth, latency):
    """Seconds that a step waits for small messages: of each normalization two sums forward, one back, and their sizes
    before; the loss."""
    rounds = math.log2(ranks)
    return norms * 3 * rounds * (2 * latency + 8 * moments / bandwidth) + 2 * rounds * latency


def buckets(ranks, layers):
    """Parameters in each, as of dist/evaluation.cpp; the last one is exchanged when the backward pass is over."""
    sizes = [0]
    for layer in reversed(layers):
        if 4 * sizes[-1] >= max(1 << 21, ranks << 16):
            sizes.append(0)
        sizes[-1] += layer
    return sizes


def main(program):
    print("| net | rows | ranks | alone, ms |" + "".join(f" {link}, ms | speed-up | after |" for link, *_ in LINKS))
    print("|---|---|---|---|" + "---|" * 3 * len(LINKS))
    for net, rows, layers, moments, norms in NETS:
        alone = computation(program, net, rows)
        for ranks in (8, 64, 512):
            mine = computation(program, net, rows // ranks)
            line = f"| {net} | {rows} | {ranks} | {1e3 * alone:.0f} |"
            for _, bandwidth, latency in LINKS:
                times = [in_slices(ranks, size, bandwidth, latency) for size in buckets(ranks, layers)]
                after = mine + sum(times) + in_rounds(ranks, moments, norms, bandwidth, latency)
                step = after - min(sum(times[:-1]), mine * 2 / 3)
                line += f" {1e3 * step:.1f} | {alone / step:.1f} | {alone / after:.1f} |"
            print(line, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
