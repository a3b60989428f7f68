#!/usr/bin/env python3
"""Five epochs of 26-64-64-1 on the diamonds, from the CSV file to the error on the test: ravine, scikit-learn, PyTorch.

usage: diamonds.py [PROGRAM [ROUNDS]]     PROGRAM: build/release/bench/diamonds_bench
       diamonds.py --peer NAME TABLE      one peer, once: a line of JSON, as PROGRAM prints it

Batches of 32, Adam at 1e-3, BatchNorm but for scikit-learn, which has none; tables by pandas. All take turns, each turn a
process of its own with one thread on one core. Seconds are the processor's, the least of all rounds; `seconds` are what
comes after the imports, `process` is all of it. Exits with 77 if a peer is missing.
"""
import json
import os
import pathlib
import resource
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[2]
TABLE = ROOT / "examples" / "data" / "diamonds.csv.gz"
EPOCHS, BATCH = 5, 32


def prepared(path):
    """Inputs and scaled prices of training and test, f32, and the scale of prices."""
    table = pandas.get_dummies(pandas.read_csv(path), columns=["cut", "color", "clarity"])
    rows = np.random.default_rng(1).permutation(len(table))
    table, middle = table.iloc[rows], len(table) * 4 // 5
    y = table.pop("price").to_numpy(np.float64)
    x = table.to_numpy(np.float32)
    numbers = [i for i, name in enumerate(table) if "_" not in name]
    part = x[:middle, numbers]
    x[:, numbers] = (x[:, numbers] - part.mean(0)) / part.std(0)
    unit = y[:middle].std()
    y = ((y - y[:middle].mean()) / unit).astype(np.float32)
    return x[:middle], y[:middle], x[middle:], y[middle:], unit


def sklearn_predictions(x, y, unseen):
    net = MLPRegressor(hidden_layer_sizes=(64, 64), batch_size=BATCH, max_iter=EPOCHS, n_iter_no_change=EPOCHS,
                       random_state=1)
    with warnings.catch_warnings(action="ignore"):  # that five epochs are few
        return net.fit(x, y).predict(unseen)


def torch_predictions(x, y, unseen):
    torch.manual_seed(1)
    x, y = torch.from_numpy(x), torch.from_numpy(y)[:, None]
    layers = [[nn.Linear(i, 64), nn.BatchNorm1d(64), nn.ReLU()] for i in (x.shape[1], 64)]
    net = nn.Sequential(*layers[0], *layers[1], nn.Linear(64, 1))
    adam = torch.optim.Adam(net.parameters(), fused=True)  # its fastest
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(BATCH):
            adam.zero_grad()
            nn.functional.mse_loss(net(x[rows]), y[rows]).backward()
            adam.step()
    net.eval()
    with torch.no_grad():
        return net(torch.from_numpy(unseen))[:, 0].numpy()


PEERS = {"scikit-learn": sklearn_predictions, "PyTorch": torch_predictions}


def peer(name, path):
    start = time.process_time()
    x, y, unseen, prices, unit = prepared(path)
    read = time.process_time() - start
    error = unit * np.sqrt(np.mean((PEERS[name](x, y, unseen) - prices)**2))
    print(json.dumps({"read_s": read, "seconds": time.process_time() - start, "rmse": float(error)}))


def turn(name, program):
    command = [program, TABLE] if name == "ravine" else [sys.executable, __file__, "--peer", name, TABLE]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(["taskset", "-c", str(max(os.sched_getaffinity(0))), *command], stdout=subprocess.PIPE, text=True,
                         env=dict(os.environ, OMP_NUM_THREADS="1"))
    if run.returncode != 0:
        sys.exit(run.returncode)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return json.loads(run.stdout) | {"process": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def main(program, rounds):
    turns = {name: [] for name in ["ravine", *PEERS]}
    for _ in range(rounds):
        for name, measured in turns.items():
            measured.append(turn(name, program))
    least = {name: {key: min(m[key] for m in measured) for key in measured[0]} for name, measured in turns.items()}
    print(f"{'':14}{'reading':>9}{'seconds':>9}{'ratio':>7}{'process':>9}{'ratio':>7}{'RMSE in dollars':>17}")
    for name, m in least.items():
        ratio, whole = (m[key] / least["ravine"][key] for key in ("seconds", "process"))
        print(f"{name:14}{m['read_s']:9.3f}{m['seconds']:9.3f}{ratio:7.1f}{m['process']:9.3f}{whole:7.1f}{m['rmse']:17.0f}")


if sys.argv[1:2] == ["--peer"]:
    try:
        import warnings

        import numpy as np
        import pandas
        if sys.argv[2] == "PyTorch":
            import torch
            from torch import nn
        else:
            from sklearn.neural_network import MLPRegressor
    except ImportError as missing:
        print(f"diamonds.py: {missing}", file=sys.stderr)
        sys.exit(77)
    peer(*sys.argv[2:4])
else:
    main(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "release" / "bench" / "diamonds_bench",
         int(sys.argv[2]) if len(sys.argv) > 2 else 5)
