"""Runs a case of the table: θ after each update, and for how many of them rounding does not matter."""
from collections import defaultdict
from types import SimpleNamespace

import numpy as np

from functions import FUNCTIONS
from rules import RULES, clipped, rate, regularizer

RECORD_AT = [*range(1, 21), *range(30, 201, 10)]
TOLERANCES = {"theta_rtol": 1e-10, "theta_atol": 1e-12, "loss_rtol": 1e-10, "loss_atol": 1e-12}


class Objective:
    """What update t of a case sees: the gradient on its batch, with the regularizer's, then clipped."""

    def __init__(self, case, t, blur):
        f, batches = FUNCTIONS[case["function"]], case["batches"]
        self.f = f.on(batches[t % len(batches)]) if batches else f
        self.case, self.blur = case, blur

    def gradient(self, θ):
        θ = self.blur(θ)
        g = self.f.gradient(θ)
        if self.case["regularizer"]:
            g = g + regularizer(**self.case["regularizer"])[1](θ)
        if self.case["clipping"]:
            g = clipped(g, **self.case["clipping"])
        return self.blur(g)

    def hessian(self, θ):
        return self.f.hessian(self.blur(θ))


def in_precision(options, real):
    """Options as attributes, their numbers as precise as the run."""

    def convert(value):
        if isinstance(value, dict):
            return in_precision(value, real)
        if isinstance(value, list) and value and isinstance(value[0], float):
            return np.array(value, real)
        return real(value) if isinstance(value, float) else value

    return SimpleNamespace(**{name: convert(value) for name, value in options.items()})


def updates(case, real=np.float64, blur=lambda x: x):
    """θ after each update, for as long as no coordinate is beyond 1e6."""
    θ, state = np.array(case["start"], real), defaultdict(float)
    o, schedule = in_precision(case["options"], real), in_precision(case["schedule"], real)
    α = (o.base_options if case["optimizer"] == "sam" else o).lr
    for t in range(case["steps"]):
        θ = RULES[case["optimizer"]](θ, Objective(case, t, blur), rate(schedule, α, t), t + 1, o, state)
        if max(abs(θ)) > 1e6:
            return
        yield θ


def units(got, expected, atol, rtol):
    """The largest deviation, in units of the tolerance atol + rtol |expected|."""
    off = np.abs(np.asarray(got) - np.asarray(expected))
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.max(np.where(off == 0, 0, off / (atol + rtol * np.abs(expected))), initial=0.0))


def trajectory_units(θ, loss, expected_θ, expected_loss, start_loss):
    scale = max(1.0, float(np.max(np.abs(expected_θ))))
    return max(units(θ, expected_θ, TOLERANCES["theta_atol"] * scale, TOLERANCES["theta_rtol"]),
               units(loss, expected_loss, TOLERANCES["loss_atol"] * max(1.0, abs(start_loss)), TOLERANCES["loss_rtol"]))


def reliability(case, run):
    """After how many updates rounding begins to show, and the most it does until then, in units of the tolerance.

    It shows where one of four other runs is off by a tenth of the tolerance: one in extended precision, and three with
    up to two rounding errors more in every coordinate of every point and gradient."""

    def blurred(seed):
        random = np.random.default_rng(seed)
        return updates(case, blur=lambda x: x * (1 + random.uniform(-2, 2, x.shape) * np.finfo(float).eps))

    f, worst = FUNCTIONS[case["function"]].value, 0.0
    start_loss = f(np.array(case["start"]))
    for t, (θ, *others) in enumerate(zip(run, updates(case, np.longdouble), *map(blurred, range(3)))):
        off = max(trajectory_units(other, f(other), θ, f(θ), start_loss) for other in others)
        if not off <= 0.1:
            return t, worst
        worst = max(worst, off)
    return len(run), worst


def trajectory(case, stored):
    """A case with its results. What rounding does to it was measured once and is taken from the file if it is there."""
    run = list(updates(case))
    f, steps = FUNCTIONS[case["function"]].value, len(run)
    if "reliable_steps" in stored:
        reliable, noise = stored["reliable_steps"], stored["noise"]
    else:
        reliable, noise = reliability(case, run)
    at = [t for t in RECORD_AT if t <= steps]
    results = {
        "start_loss": float(f(np.array(case["start"]))),
        "steps": steps,
        "reliable_steps": reliable,
        "noise": float(f"{noise:.3g}"),
        "record_at": at,
        "trajectory": [run[t - 1].tolist() for t in at],
        "loss": [float(f(run[t - 1])) for t in at],
    }
    note = {"note": case["note"]} if case["note"] else {}
    return {**{key: value for key, value in case.items() if key not in ("steps", "note")}, **results, **note}
