#!/usr/bin/env python3
"""The cases of bench/training.cpp, trained by other frameworks.

usage: peers.py CASE THREADS SECONDS PEER     one line of JSON, as bench/training prints it
       peers.py --serve THREADS PEER          "ready", then such a line for every line "CASE SECONDS" read
peers: torch torch_fused torch_compile jax jax_scan   (jax_scan makes many steps in one compiled loop)

Only jax_scan has the case `sweep`, and trains all copies in one loop. Exits with 77 if the framework is not installed.
Numbers and initial weights are those of bench/training.cpp as well.
"""
import json
import os
import sys
import time

CASES = {  # rows, sizes, BatchNorm
    "tiny": (32, [2, 32, 32, 1], False),
    "reg": (64, [8, 64, 64, 1], True),
    "mnist": (64, [784, 128, 10], False),
    "mnistbn": (128, [784, 512, 512, 10], True),
    "large": (512, [1024, 4096, 4096, 1024], False),
    "sweep": (32, [2, 32, 32, 1], False),
}
COPIES = 64  # of the net of a sweep
PEERS = ["torch", "torch_fused", "torch_compile", "jax", "jax_scan"]


class Philox:
    """Philox4x32-10 of seed 1: the stream that the weights and the data are drawn from."""

    def __init__(self):
        self.position = 0

    def words(self, n):
        blocks = (n + 3) // 4
        c0 = np.arange(self.position, self.position + blocks, dtype=np.uint64)
        self.position += blocks
        c1, c2, c3 = (np.zeros_like(c0) for _ in range(3))
        k0, k1, low, half = 1, 0, np.uint64(0xFFFFFFFF), np.uint64(32)
        for _ in range(10):
            p, q = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
            c0, c1, c2, c3 = q >> half ^ c1 ^ np.uint64(k0), q & low, p >> half ^ c3 ^ np.uint64(k1), p & low
            k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
        return np.stack([c0, c1, c2, c3], axis=1).reshape(-1)

    def uniform(self, bound, *shape):
        n = int(np.prod(shape))
        unit = (self.words(n)[:n] >> np.uint64(8)).astype(np.float32) * np.float32(2.0**-24)
        return (np.float32(-bound) + np.float32(2 * bound) * unit).reshape(shape)

    def normal(self, *shape):
        n = int(np.prod(shape))
        words = self.words(n)
        radius = np.sqrt(-2 * np.log(((words[0::2] >> np.uint64(1)).astype(float) + 0.5) * 2.0**-31))
        angle = 2 * np.pi * 2.0**-32 * words[1::2].astype(float)
        pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        return pairs.reshape(-1)[:n].astype(np.float32).reshape(shape)


def numbers(case):
    """[(weight (out, in), bias)], x and y."""
    rows, sizes, _ = CASES[case]
    random = Philox()
    layers = [(random.uniform(i**-0.5, o, i), random.uniform(i**-0.5, o)) for i, o in zip(sizes, sizes[1:])]
    return layers, random.normal(rows, sizes[0]), random.normal(rows, sizes[-1])


def rates(copies):
    """Learning rates of a sweep: from 1e-3 up to 1e-2, then from 1e-4 up to 1e-3."""
    i = np.arange(copies)
    return 1e-3 * 10 ** (np.where(2 * i < copies, i, i - copies) * 2 / copies)


def torch_steps(case, fused=False, compiled=False):
    """A function that makes one step and returns its loss."""
    layers, x, y = numbers(case)
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    modules = []
    for i, (weight, bias) in enumerate(layers):
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight))
            linear.bias.copy_(torch.from_numpy(bias))
        modules.append(linear)
        if i + 1 < len(layers):
            modules += [torch.nn.BatchNorm1d(len(bias))] if CASES[case][2] else []
            modules.append(torch.nn.ReLU())
    net = torch.nn.Sequential(*modules)
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, fused=fused)

    def step():
        adam.zero_grad()
        loss = torch.nn.functional.mse_loss(net(x), y)
        loss.backward()
        adam.step()
        return loss.detach()

    run = torch.compile(step) if compiled else step
    return lambda: [run().item()]


def jax_steps(case, scan=0):
    """A function that makes one step, or `scan` of them, and returns the losses, in a sweep copy by copy."""
    jnp = jax.numpy
    layers, x, y = numbers(case)
    x, y = jnp.asarray(x), jnp.asarray(y)
    batch_norm = CASES[case][2]
    params, stats = [], []
    for i, (weight, bias) in enumerate(layers):
        p = {"weight": jnp.asarray(weight.T.copy()), "bias": jnp.asarray(bias)}
        if batch_norm and i + 1 < len(layers):
            p |= {"gamma": jnp.ones(len(bias)), "beta": jnp.zeros(len(bias))}
            stats.append((jnp.zeros(len(bias)), jnp.ones(len(bias))))
        params.append(p)

    def loss_of(params, stats):
        h, new_stats = x, []
        for i, p in enumerate(params):
            h = h @ p["weight"] + p["bias"]
            if "gamma" in p:
                mean, var = h.mean(0), h.var(0)
                unbiased = var * (len(x) / (len(x) - 1))
                new_stats.append((0.9 * stats[i][0] + 0.1 * mean, 0.9 * stats[i][1] + 0.1 * unbiased))
                h = (h - mean) * jax.lax.rsqrt(var + 1e-5) * p["gamma"] + p["beta"]
            if i + 1 < len(params):
                h = jax.nn.relu(h)
        return jnp.mean((h - y) ** 2), new_stats

    def update(state, lr):
        params, stats, m, v, t = state
        (loss, stats), g = jax.value_and_grad(loss_of, has_aux=True)(params, stats)
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        rate, scale = lr / (1 - 0.9**t), 1 / (1 - 0.999**t)
        params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v * scale) + 1e-8), params, m, v)
        return (params, stats, m, v, t), loss

    def train(state, lr=1e-3):
        return jax.lax.scan(lambda s, _: update(s, lr), state, None, length=scan) if scan else update(state, lr)

    zeros = jax.tree.map(jnp.zeros_like, params)
    state = (params, stats, zeros, zeros, jnp.float32(0))
    run = jax.jit(train, donate_argnums=0)
    if case == "sweep":
        lrs = jnp.asarray(rates(COPIES))
        state = jax.tree.map(lambda a: jnp.stack([a] * COPIES), state)
        run = jax.jit(lambda state: jax.vmap(train)(state, lrs), donate_argnums=0)
    state = jax.tree.map(jnp.copy, state)  # one buffer for each, as all are given away

    def steps():
        nonlocal state
        state, losses = run(state)
        return np.asarray(losses).reshape(-1)

    return steps


def build(peer, case):
    if case == "sweep" and peer != "jax_scan":
        raise ValueError(f"{peer} has no sweep")
    if peer == "jax_scan":
        return jax_steps(case, 5 if case == "large" else 100)
    if peer == "jax":
        return jax_steps(case)
    return torch_steps(case, fused=peer == "torch_fused", compiled=peer == "torch_compile")


def measure(steps, case, threads, seconds, loss=None):
    """Times calls of steps() after warming up; the loss is that of the fifth step unless it is known."""
    losses, warm = [], time.perf_counter()
    while time.perf_counter() - warm < 0.2 or len(losses) < 5:
        losses.extend(steps())
    loss = float(losses[4]) if loss is None else loss
    times, start = [], time.perf_counter()
    while time.perf_counter() - start < seconds or len(times) < 3:
        begin = time.perf_counter()
        made = len(steps())
        times.append((time.perf_counter() - begin) / made)
    times.sort()
    return {"case": case, "threads": threads, "median_us": round(times[len(times) // 2] * 1e6, 3),
            "p10_us": round(times[len(times) // 10] * 1e6, 3), "loss": loss}


def serve(threads, peer):
    print("ready", flush=True)
    current = steps = loss = None
    for line in sys.stdin:
        case, seconds = line.split()
        try:
            if case != current:
                steps = None  # frees the last case
                steps, current, loss = build(peer, case), case, None
            result = measure(steps, case, threads, float(seconds), loss)
            loss = result["loss"]
        except Exception as error:
            current, result = None, {"case": case, "threads": threads, "error": " ".join(repr(error).split())[:200]}
        print(json.dumps(result), flush=True)


serving = sys.argv[1:2] == ["--serve"]
if len(sys.argv) != (4 if serving else 5) or sys.argv[-1] not in PEERS or not (serving or sys.argv[1] in CASES):
    sys.exit(__doc__)
peer, threads = sys.argv[-1], int(sys.argv[2])
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
if threads == 1:
    os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
try:
    import numpy as np
    if peer.startswith("torch"):
        import torch
        torch.set_num_threads(threads)
    else:
        import jax
except ImportError as missing:
    print(f"{peer}: not installed ({missing})")
    sys.exit(77)
if serving:
    serve(threads, peer)
else:
    print(json.dumps(measure(build(peer, sys.argv[1]), sys.argv[1], threads, float(sys.argv[3]))))
