#!/usr/bin/env python3
"""Steps of one training on two ranks of one thread: ravine by MPI, PyTorch's DistributedDataParallel by gloo.

usage: ddp.py PROGRAM [ROUNDS [NET ROWS ...]]     PROGRAM: build/release/bench/distributed
       ddp.py --peer NET ROWS STEPS               one rank of PyTorch, started with RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT

ROWS are those of both ranks together; Adam, mean squared error. Both take turns, each turn in processes of their own; the
times are the least of all steps of all rounds, in microseconds. Neither shares its moments with the other rank in
PyTorch's batch normalization, as its SyncBatchNorm needs GPUs; ravine's do, in 8 shards and in 2. Exits with 77 without PyTorch.
"""
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import time

MPIRUN = pathlib.Path(__file__).parents[2] / "tests" / "dist" / "mpirun"
NETS = {"reg": (8, 64, 64, 1), "mnist": (784, 512, 512, 10), "mnistbn": (784, 512, 512, 10), "deep": (784, *[512] * 8, 10), "large": (1024, 4096, 4096, 1024)}


def peer(name, rows, steps):
    import torch
    from torch import distributed, nn

    torch.set_num_threads(1)
    torch.manual_seed(1)
    distributed.init_process_group("gloo")
    sizes, layers = NETS[name], []
    for i, (n, m) in enumerate(zip(sizes, sizes[1:])):
        layers.append(nn.Linear(n, m))
        if i + 2 < len(sizes):
            layers += ([nn.BatchNorm1d(m)] if name in ("reg", "mnistbn") else []) + [nn.ReLU()]
    net = nn.parallel.DistributedDataParallel(nn.Sequential(*layers))
    adam = torch.optim.Adam(net.parameters(), fused=True)
    x, y = torch.randn(rows // 2, sizes[0]), torch.randn(rows // 2, sizes[-1])
    least = float("inf")
    for _ in range(steps + 3):
        begin = time.perf_counter()
        adam.zero_grad()
        nn.functional.mse_loss(net(x), y).backward()
        adam.step()
        least = min(least, time.perf_counter() - begin)
    if distributed.get_rank() == 0:
        print(1e6 * least)
    distributed.destroy_process_group()


def pytorch(name, rows, steps, port):
    command = [sys.executable, __file__, "--peer", name, str(rows), str(steps)]
    address = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    ranks = [subprocess.Popen(command, env={**os.environ, **address, "RANK": rank}, stdout=subprocess.PIPE, text=True) for rank in "01"]
    printed = [rank.communicate()[0] for rank in ranks]
    return float(printed[0])


def ravine(program, name, rows, steps):
    command = [MPIRUN, os.environ.get("MPIRUN", "mpirun"), "2", program, name, str(rows), str(steps), "8", "2"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}).stdout
    return [float(time) for time in re.findall(r"least ([\d.]+) us", printed)]


def main(program, rounds="3", *cases):
    if not importlib.util.find_spec("torch"):
        sys.exit(77)
    cases = list(zip(cases[::2], map(int, cases[1::2]))) or [("reg", 64), ("mnist", 64), ("mnistbn", 64), ("mnistbn", 512), ("mnistbn", 4096)]
    print(f"{'net':8} {'rows':>5} {'8 shards':>10} {'2 shards':>10} {'PyTorch':>10} {'ratio to 8':>11} {'to 2':>6}")
    for case, (name, rows) in enumerate(cases):
        steps = max(5, min(300, 40000 // rows))
        ours, theirs = [], []
        for r in range(int(rounds)):
            ours.append(ravine(program, name, rows, steps))
            theirs.append(pytorch(name, rows, steps, 29500 + case * int(rounds) + r))
        eight, two = map(min, zip(*ours))
        print(f"{name:8} {rows:5} {eight:10.0f} {two:10.0f} {min(theirs):10.0f} {min(theirs) / eight:11.2f} {min(theirs) / two:6.2f}", flush=True)


if __name__ == "__main__":
    peer(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])) if sys.argv[1:2] == ["--peer"] else main(*sys.argv[1:])
