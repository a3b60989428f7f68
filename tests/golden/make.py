#!/usr/bin/env python3
"""Makes the golden files beside it from the formulas, in float64: see README.md.

make.py [FILE...]          writes these files anew (all)
make.py --check [FILE...]  compares them with what is there; fails if a number is off by more than its tolerance
"""
import functools
import json
import pathlib
import sys
from fractions import Fraction
from reprlib import repr
from types import SimpleNamespace

try:
    import numpy as np
except ImportError:
    print("make.py: skipped, there is no numpy")
    sys.exit(77)  # what CTest takes for skipped

sys.dont_write_bytecode = True  # no __pycache__ among the sources
from functions import EIGENVALUES, FUNCTIONS
from rules import clipped, perturbation, rate, regularizer
from runs import HERE, SCHEDULES, TRAJECTORIES, stored, stored_case
from trajectory import RECORD_AT, TOLERANCES, trajectory, trajectory_units, units


# Files ----------------------------------------------------------------------------------------------------------------


def trajectory_file(name):
    cases = [trajectory(case, stored_case(name, case["id"])) for case in TRAJECTORIES[name]]
    return {"schema": "ravine-golden-trajectories/1", **TOLERANCES, "cases": cases}


def functions_file(name):
    """Values and derivatives at the start and at three random points, and for some batches at the start."""
    drawn = {f["name"]: [(point["x"], point["z"]) for point in f["points"]] for f in stored(name)["functions"]}

    def draw(f, id):
        random = np.random.default_rng(list(id.encode()))
        points = [f.start] + [np.round(random.uniform(-2, 2, len(f.start)), 3).tolist() for _ in range(3)]
        return [(x, random.choice([-1.0, 1.0], len(x)).tolist()) for x in points]

    def first(f, x):
        return {"x": x, "value": float(f.value(np.array(x))), "grad": f.gradient(np.array(x)).tolist()}

    def point(f, x, z):
        H = f.hessian(np.array(x))
        return {**first(f, x), "hess": H.tolist(), "z": z, "hvp": (H @ np.array(z)).tolist()}

    def entry(id, f):
        points = {"points": [point(f, x, z) for x, z in drawn.get(id) or draw(f, id)]}
        if f.examples:
            points["per_batch"] = [{"idx": idx, **first(f.on(idx), f.start)} for idx in ([0], [3, 1], [2, 5, 7])]
        return {"name": id, "dim": len(f.start), "shape": f.shape or [len(f.start)], "n_examples": f.examples,
                "params": f.params, "minima": f.minima, **points}

    return {"schema": "ravine-golden-functions/1", "rtol": 1e-11, "atol": 1e-12,
            "functions": [entry(id, f) for id, f in FUNCTIONS.items()]}


def closed_form_file(name):
    named = [("0.5_decay", 0.5), ("1_onestep", 1), ("1.5_oscillate", 1.5), ("1.95_slow_oscillate", 1.95),
             ("2_marginal", 2), ("2.5_diverge", 2.5)]
    cases = [closed_form(f"{kind}_alphalambda_{label}", f"quad_{kind}_1_50", αλ / 50)
             for label, αλ in named for kind in ("diag", "rot")]
    cases += [closed_form(f"dyadic_alphalambda_{label}", "quad_diag_1_64", αλ / 64)
              for label, αλ in named if αλ != 1.95]
    cases += [closed_form(f"rot10d_{label}", "quad_rot_10d", k / 128)
              for label, k in (("decay", 1), ("mixed", 2), ("diverge", 3))]
    return {"schema": "ravine-golden-closed-form/1", "cases": cases}


def closed_form(id, function, α):
    """(I - αA)ᵗ θ₀ in exact fractions, each rounded once; and how far plain float64 gradient descent is off."""
    f, λ = FUNCTIONS[function], np.array(EIGENVALUES[function])
    A = [[Fraction(a) for a in row] for row in f.params["A"]]
    gradient = lambda θ: [sum(a * x for a, x in zip(row, θ)) for row in A]
    exact, plain, scale, off = [Fraction(x) for x in f.start], np.array(f.start), max(map(abs, f.start)), 0.0
    thetas, losses = [], []
    for t in range(1, RECORD_AT[-1] + 1):
        exact = [x - Fraction(α) * g for x, g in zip(exact, gradient(exact))]
        plain = plain - α * f.gradient(plain)
        if t in RECORD_AT:
            thetas.append([float(x) for x in exact])
            losses.append(float(sum(x * g for x, g in zip(exact, gradient(exact))) / 2))
            scale = max([scale, *map(abs, thetas[-1])])
            off = max(off, max(abs(plain - thetas[-1])) / scale)
    return {"id": id, "function": function, "alpha": α, "start": f.start, "eigenvalues": λ.tolist(),
            "alpha_lambda": (α * λ).tolist(), "factors": (1 - α * λ).tolist(), "regimes": [regime(x) for x in α * λ],
            "record_at": RECORD_AT, "trajectory": thetas, "loss": losses, "float64_recursion_dev": float(f"{off:.3g}")}


def regime(αλ):
    """What gradient descent does along an eigenvector: the coordinate is multiplied by 1 - αλ."""
    if αλ == 1:
        return "reaches 0 in one step"
    if αλ == 2:
        return "constant-amplitude oscillation"
    return "decay" if αλ < 1 else "decaying oscillation" if αλ < 2 else "divergence"


def schedules_file(name):
    cases = [{"id": schedule["kind"], "schedule": schedule, "base_lr": 0.1, "t0": 0,
              "lr": [float(rate(SimpleNamespace(**schedule), 0.1, t)) for t in range(200)]} for schedule in SCHEDULES]
    return {"schema": "ravine-golden-schedules/1", "rtol": 1e-13, "cases": cases}


def vectors():
    """2, 5, 17 and 3 random numbers, drawn once and taken from the table of clipping; and zeros."""
    drawn = [case["g"] for case in stored("clipping.json")["cases"]]
    random = np.random.default_rng(0)
    anew = [np.round(random.normal(size=n), 6).tolist() for n in (2, 5, 17, 3)] + [[0.0] * 3]
    return [g for i, g in enumerate(drawn) if g not in drawn[:i]] or anew


def clipping_file(name):
    cases = [{"kind": kind, "limit": limit, "g": g, "out": clipped(np.array(g), kind, limit).tolist()}
             for g in vectors() for kind in ("value", "norm") for limit in (0.5, 2.0, 1000.0)]
    return {"schema": "ravine-golden-clipping/1", "rtol": 1e-14, "cases": cases}


def regularizers_file(name):
    def case(settings, θ):
        value, gradient = regularizer(**settings)
        return {"regularizer": settings, "theta": θ, "value": float(value(np.array(θ))),
                "grad": gradient(np.array(θ)).tolist()}

    every = [{"kind": "half_l2", "lam": 0.1}, {"kind": "l2", "lam": 0.1}, {"kind": "l1", "lam": 0.3},
             {"kind": "elastic", "lam": 0.7, "l1_ratio": 0.25}]
    cases = [case(settings, θ) for settings in every for θ in [*vectors()[:3], [0.0, -1.5, 2.0]]]
    return {"schema": "ravine-golden-regularizers/1", "rtol": 1e-14, "cases": cases}


def perturbations_file(name):
    cases = [{"rho": ρ, "p": p, "g": g, "e": perturbation(np.array(g), ρ, p).tolist()}
             for g in vectors() for p in (1, 1.5, 2, 3, 4.5, "inf") for ρ in (0.05, 2.0)]
    return {"schema": "ravine-golden-sam/1", "rtol": 1e-13, "cases": cases}


FILES = {
    "functions.json": functions_file,
    "closed_form_gd.json": closed_form_file,
    "schedules.json": schedules_file,
    "clipping.json": clipping_file,
    "regularizers.json": regularizers_file,
    "sam_perturbation.json": perturbations_file,
    **{name: trajectory_file for name in TRAJECTORIES},
}


def text(file):
    """Compact, a line for each case and one for its trajectory."""
    compact = functools.partial(json.dumps, separators=(",", ":"), allow_nan=False)
    *settings, entries = file
    head = compact({key: file[key] for key in settings})[:-1]
    lines = ",\n".join(compact(entry).replace(',"trajectory":', ',\n"trajectory":') for entry in file[entries])
    return f'{head},"{entries}":[{lines}]}}\n'


# Checking -------------------------------------------------------------------------------------------------------------


class Disagreement(Exception):
    def __init__(self, what, off=np.inf):
        super().__init__(what)
        self.off = off


def without(case, *keys):
    return {key: value for key, value in case.items() if key not in keys}


def same(made, there, where):
    """Settings are the same, not nearly."""
    for key in {**made, **there}:
        if made.get(key) != there.get(key):
            raise Disagreement(f"{where}: {key} is {repr(there.get(key))}, made {repr(made.get(key))}")


def near(made, there, where, rtol, atol=0.0):
    """The largest deviation of the numbers, in units of the tolerance rtol |x| + atol max(1, largest |x|)."""
    if made == there:
        return 0.0
    if isinstance(made, dict) and isinstance(there, dict) and made.keys() == there.keys():
        return max(near(made[key], there[key], f"{where}, {key}", rtol, atol) for key in made)
    if isinstance(made, list) and isinstance(there, list) and isinstance(made[0], dict) and len(made) == len(there):
        return max(near(x, y, f"{where}[{i}]", rtol, atol) for i, (x, y) in enumerate(zip(made, there)))
    a, b = np.array(made), np.array(there)
    if a.dtype.kind not in "if" or b.dtype.kind not in "if" or a.shape != b.shape:
        raise Disagreement(f"{where}: is {repr(there)}, made {repr(made)}")
    return within(units(a, b, atol * max(1.0, np.max(np.abs(b))), rtol), where)


def within(off, where):
    if not off <= 1:
        raise Disagreement(f"{where}: off by {off:.3g} tolerances", off)
    return off


def compare_trajectory(made, there, where):
    """As far as it is reliable."""
    same(without(made, "start_loss", "trajectory", "loss"), without(there, "start_loss", "trajectory", "loss"), where)
    worst = near(made["start_loss"], there["start_loss"], f"{where}, start_loss", 1e-10)
    for i, t in enumerate(there["record_at"]):
        if t > there["reliable_steps"]:
            break
        off = trajectory_units(made["trajectory"][i], made["loss"][i], there["trajectory"][i], there["loss"][i],
                               there["start_loss"])
        worst = max(worst, within(off, f"{where} after {t} updates"))
    return worst


def compare_closed_form(made, there, where):
    """On the scale of the largest θ so far: the small mode drowns in the rounding of a large one."""
    worst = near(without(made, "trajectory", "float64_recursion_dev"),
                 without(there, "trajectory", "float64_recursion_dev"), where, 1e-12)
    scale = np.max(np.abs(there["start"]))
    for t, a, b in zip(there["record_at"], made["trajectory"], there["trajectory"]):
        scale = max(scale, np.max(np.abs(b)))
        worst = max(worst, within(units(a, b, 1e-12 * scale, 0.0), f"{where} after {t} updates"))
    return worst


def compare(name, made, there):
    """The largest deviation, and what disagrees, of each entry of a file."""
    entries, failures, worst = list(made)[-1], [], 0.0

    def attempt(comparison, *arguments):
        nonlocal worst
        try:
            worst = max(worst, comparison(*arguments) or 0.0)
        except Disagreement as disagreement:
            worst = max(worst, disagreement.off)
            failures.append(str(disagreement))

    attempt(same, without(made, entries), without(there, entries), "the file")
    if len(made[entries]) != len(there[entries]):
        failures.append(f"has {len(there[entries])} {entries}, made {len(made[entries])}")
    for i, (a, b) in enumerate(zip(made[entries], there[entries])):
        where = b.get("id") or b.get("name") or f"case {i}"
        if name in TRAJECTORIES:
            attempt(compare_trajectory, a, b, where)
        elif name == "closed_form_gd.json":
            attempt(compare_closed_form, a, b, where)
        else:
            attempt(near, a, b, where, made["rtol"], made.get("atol", 0.0))
    return worst, failures


def check(name):
    if not (HERE / name).exists():
        print(f"{name:28} FAILED: not there")
        return False
    worst, failures = compare(name, FILES[name](name), stored(name))
    entries = list(stored(name))[-1]
    kind = "trajectories" if name in TRAJECTORIES else entries
    print(f"{name:28} {len(stored(name)[entries]):4} {kind:12}  worst {worst:.2g} of the tolerance")
    for failure in failures:
        print(f"    FAILED {failure}")
    return not failures


def main(arguments):
    names = [pathlib.Path(argument).name for argument in arguments if argument != "--check"] or sorted(FILES)
    unknown = [name for name in names if name not in FILES]
    if unknown:
        sys.exit(f"make.py: nothing makes {', '.join(unknown)}; what it makes is {', '.join(sorted(FILES))}")
    if "--check" not in arguments:
        for name in names:
            (HERE / name).write_text(text(FILES[name](name)))
        return
    strangers = sorted({path.name for path in HERE.glob("*.json")} - FILES.keys())
    for name in strangers:
        print(f"{name:28} FAILED: nothing makes it")
    passed = [check(name) for name in names]
    sys.exit(0 if all(passed) and not strangers else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
