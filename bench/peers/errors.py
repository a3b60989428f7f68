#!/usr/bin/env python3
"""Test errors on the diamonds and the digits, ravine's and PyTorch's, over seeds.

usage: errors.py [EXAMPLES [SEEDS]]     EXAMPLES: the folder of the example programs, build/release/examples

The same nets, optimizers, schedules and shares of the data as examples/diamonds.cpp and examples/mnist.cpp, here in
PyTorch, and the same diamonds for the test: a few have sizes that cannot be, which cost much where none of their like is
learned from. Weights and the order of batches are each framework's own. Exits with 77 if there is no PyTorch.
"""
import csv
import gzip
import pathlib
import re
import statistics
import struct
import subprocess
import sys

try:
    import numpy as np
    import torch
    from torch import nn
except ImportError as missing:
    print(f"errors.py: {missing}")
    sys.exit(77)

ROOT = pathlib.Path(__file__).parents[2]
DATA = ROOT / "examples" / "data"


def train(net, loss, x, y, epochs, batch, rate, drop_last):
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate)
    ends = range(batch, len(x) + (0 if drop_last else batch - 1) + 1, batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(ends))
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for end in ends:
            rows = order[end - batch:end]
            optimizer.zero_grad()
            loss(net(x[rows]), y[rows]).backward()
            optimizer.step()
            schedule.step()
    net.eval()


def permutation(n, seed):
    """ravine's: Fisher-Yates by Philox4x32-10, a block of 128 bits for each swap."""
    c = [np.arange(n, dtype=np.uint64)] + [np.zeros(n, dtype=np.uint64)] * 3
    k0, k1, low, half = seed, 0, np.uint64(0xFFFFFFFF), np.uint64(32)
    for _ in range(10):
        p, q = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [q >> half ^ c[1] ^ np.uint64(k0), q & low, p >> half ^ c[3] ^ np.uint64(k1), p & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    lower, upper = (c[0] | c[1] << half).tolist(), (c[2] | c[3] << half).tolist()
    order = list(range(n))
    for block, i in enumerate(range(n - 1, 0, -1)):
        j = ((upper[block] << 64) + lower[block]) * (i + 1) >> 128
        order[i], order[j] = order[j], order[i]
    return order


def diamonds(seed):
    """RMSE in dollars."""
    torch.manual_seed(seed)
    with gzip.open(DATA / "diamonds.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    order = permutation(len(rows), seed)
    middle = len(rows) * 4 // 5
    columns = []
    for name in rows[0]:
        values = [rows[i][name] for i in order]
        if name in ("cut", "color", "clarity"):
            columns += [[float(value == word) for value in values] for word in sorted(set(values))]
        else:
            numbers = np.array(values, dtype=np.float64)
            mean, std = numbers[:middle].mean(), numbers[:middle].std()
            if name == "price":
                unit, y = std, torch.tensor((numbers - mean) / std, dtype=torch.float32)[:, None]
            else:
                columns.append((numbers - mean) / std)
    x = torch.tensor(np.array(columns).T, dtype=torch.float32)
    net = nn.Sequential(nn.Linear(x.shape[1], 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1))
    train(net, nn.functional.mse_loss, x[:middle], y[:middle], 20, 256, 3e-3, drop_last=False)
    with torch.no_grad():
        return unit * nn.functional.mse_loss(net(x[middle:]), y[middle:]).sqrt().item()


def idx(name):
    with gzip.open(DATA / f"mnist10k-{name}-ubyte.gz") as file:
        content = file.read()
    rank = content[3]
    sizes = struct.unpack(f">{rank}I", content[4:4 + 4 * rank])
    return torch.tensor(np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(sizes).copy())


def digits(seed):
    """Percent that are read wrongly."""
    torch.manual_seed(seed)
    x, test = (idx(f"{part}-images-idx3").flatten(1) / 255 for part in ("train", "test"))
    y, truth = (idx(f"{part}-labels-idx1").long() for part in ("train", "test"))
    net = nn.Sequential(nn.Linear(784, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 10))
    train(net, nn.functional.cross_entropy, x, y, 10, 64, 2e-3, drop_last=True)
    with torch.no_grad():
        return 100 * (net(test).argmax(1) != truth).double().mean().item()


def ours(program, data, pattern, seed):
    printed = subprocess.run([EXAMPLES / program, data, str(seed)], check=True, capture_output=True, text=True).stdout
    return float(re.search(pattern, printed, re.MULTILINE).group(1))


def compare(what, unit, ravine, torch_):
    print(f"{what}: error on the test in {unit}")
    for name, error in ("ravine", ravine), ("PyTorch", torch_):
        errors = [error(seed) for seed in range(1, SEEDS + 1)]
        each = " ".join(f"{e:.4g}" for e in errors)
        print(f"  {name:8} {statistics.mean(errors):8.4g} ± {statistics.stdev(errors):.2g}   ({each})", flush=True)


EXAMPLES = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "release" / "examples")
SEEDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
torch.set_num_threads(1)
compare("diamonds", "dollars",
        lambda seed: ours("diamonds", DATA / "diamonds.csv.gz", r"^network +(\d+)", seed), diamonds)
compare("digits", "percent",
        lambda seed: 100 - float(ours("mnist", DATA / "mnist10k-", r": (\d+\.\d) %", seed)), digits)
