#!/usr/bin/env python3
"""Matrix products beside PyTorch's (MKL) and oneDNN's: products.py PROGRAM [--threads 1] [--only WORD]

PROGRAM is build/release/bench/products. Product by product, all take turns; a ratio is the best time of the better peer
by ravine's best (above 1: ravine is faster). NT: the second operand is stored transposed, as a layer's weight is. At
last the products of a step of the net `large`, and their time at the processor's peak: that of as many multiplications
and additions in registers.
"""
import argparse
import math
import os
import re
import subprocess
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("program")
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--only", default="", help="products whose name has this expression, as 'NT 8 ' or 'f64$'")
parser.add_argument("--seconds", type=float, default=0.02, help="of a turn")
parser.add_argument("--rounds", type=int, default=3)
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(args.threads)
import torch

torch.set_num_threads(args.threads)
ALL = ("NN", "NT", "TN")
SHAPES = [  # (m, n, k)
    ((1, 128, 784), ALL), ((8, 128, 784), ALL), ((64, 128, 784), ALL), ((1024, 128, 784), ALL), ((256, 256, 64), ALL),
    ((256, 256, 256), ALL), ((4096, 64, 64), ALL), ((512, 512, 512), ALL), ((64, 64, 4096), ALL),
    ((10000, 32, 784), ALL), ((2048, 2048, 2048), ALL),                                              # of single ops
    ((64, 784, 128), ("NN",)), ((128, 784, 64), ("TN",)),                                              # of mnist
    ((128, 512, 784), ("NT",)), ((512, 784, 128), ("TN",)), ((128, 512, 512), ALL), ((512, 512, 128), ("TN",)),
    ((512, 4096, 1024), ("NT", "NN")), ((512, 4096, 4096), ("NN", "NT")), ((4096, 4096, 512), ("TN",)),       # of large
    ((512, 1024, 4096), ("NT",)), ((4096, 1024, 512), ("TN",)), ((1024, 4096, 512), ("TN",)),
    ((1, 4096, 784), ("NN", "NT")), ((1, 4096, 4096), ("NN", "NT")), ((2, 512, 512), ("NN", "NT")),      # a few rows
    ((4, 1024, 1024), ("NN", "NT")), ((8, 4096, 1024), ("NN", "NT")), ((3, 1000, 333), ("NN", "NT")),
    ((784, 32, 10000), ("TN",)), ((32, 784, 10000), ("TN",)), ((64, 64, 10000), ("TN",)),              # tall
    ((8, 64, 10000), ("TN",)), ((784, 1, 10000), ("TN",)), ((10000, 1, 784), ("NN",)), ((10000, 10, 64), ("NT",)),
    ((4096, 1, 4096), ("NN", "TN")), ((1, 1, 100000), ("NT",)), ((10000, 256, 1), ("NN",)),              # vectors
    ((33, 65, 129), ALL), ((127, 255, 511), ALL), ((1000, 3, 1000), ALL), ((1001, 1003, 7), ALL)]        # odd sizes
LARGE = ["NT 512 4096 1024", "NT 512 4096 4096", "NT 512 1024 4096", "NN 512 4096 1024", "NN 512 4096 4096",
         "TN 1024 4096 512", "TN 4096 4096 512", "TN 4096 1024 512"]
program = subprocess.Popen([args.program, str(args.seconds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ours(name):
    program.stdin.write(name + "\n")
    program.stdin.flush()
    return [float("inf") if word == "-" else float(word) for word in program.stdout.readline().split()]


def torchs(a, b):
    best, spent, count = math.inf, 0.0, 1
    while spent < args.seconds:
        begin = time.perf_counter()
        for _ in range(count):
            torch.matmul(a, b)
        took = time.perf_counter() - begin
        best, spent = min(best, took / count), spent + took
        count = max(1, min(1000, int(2e-5 * count / took)))
    return best * 1e6


rows = []
with torch.inference_mode():
    for (m, n, k), forms in SHAPES:
        for form in forms:
            for dtype in ("f32", "f64"):
                name = f"{form} {m} {n} {k} {dtype}"
                if not re.search(args.only, name):
                    continue
                kind = torch.float32 if dtype == "f32" else torch.float64
                a = torch.randn(k, m, dtype=kind).t() if form[0] == "T" else torch.randn(m, k, dtype=kind)
                b = torch.randn(n, k, dtype=kind).t() if form[1] == "T" else torch.randn(k, n, dtype=kind)
                best = [math.inf] * 4
                for _ in range(args.rounds):
                    best = [min(pair) for pair in zip(best, ours(name) + [torchs(a, b)])]
                rows.append((min(best[1], best[3]) / best[0], name, best))
for ratio, name, best in sorted(rows):
    print(f"{name:26} ravine {best[0]:10.2f} us   oneDNN {best[1]:10.2f}   MKL {best[3]:10.2f}   {ratio:5.2f}"
          f"   {best[2] / best[0]:4.0%} of peak")
ratios = [row[0] for row in rows]
print(f"{len(rows)} products, {args.threads} thread(s): geometric mean {math.exp(sum(map(math.log, ratios)) / len(rows)):.2f}, "
      f"below 1: {sum(r < 1 for r in ratios)}, below .95: {sum(r < 0.95 for r in ratios)}")
large = [best for _, name, best in rows if name[:-4] in LARGE and name.endswith("f32")]
if len(large) == len(LARGE):
    ravine, onednn, peak, mkl = (sum(times) / 1e3 for times in zip(*large))
    print(f"products of large: ravine {ravine:.0f} ms, oneDNN {onednn:.0f}, MKL {mkl:.0f}, at the peak {peak:.0f}")
