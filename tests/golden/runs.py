"""What is run: a table of trajectories for each file."""
import functools
import json
import pathlib

import numpy as np

from functions import FUNCTIONS

HERE = pathlib.Path(__file__).resolve().parent

# Every option of every optimizer, in the order of the files.
DEFAULTS = {
    "sgd": {"lr": None, "momentum": 0.0, "form": "velocity", "nesterov": "none", "dampening": 0.0, "weight_decay": 0.0,
            "initial_velocity": None},
    "adagrad": {"lr": None, "delta": 0.0, "form": "sum", "initial_accumulator": 0.0, "weight_decay": 0.0},
    "rmsprop": {"lr": 0.01, "rho": 0.9, "eps": 1e-6, "eps_inside": False, "init": "zero", "weight_decay": 0.0},
    "adadelta": {"lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0.0},
    "adam": {"lr": None, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "eps_inside": False, "bias_correction": True,
             "variance": "raw", "belief_eps": False, "weight_decay": 0.0, "decay": "none"},
    "nadam": {"lr": None, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "momentum_decay": 0.004, "weight_decay": 0.0},
    "lion": {"lr": None, "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0},
    "adahessian": {"lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-4, "power": 1.0, "block": 1, "diag": "exact",
                   "z": None, "weight_decay": 0.0},
    "factored_adam": {"lr": None, "beta2": 0.999, "eps": 1e-8, "shape": [4, 3]},
    "sam": {"rho": 0.05, "p": 2, "base": "sgd", "base_options": None},
}


@functools.lru_cache(None)
def stored(name):
    """A file as it is, or nothing."""
    path = HERE / name
    return json.loads(path.read_text()) if path.exists() else {"cases": [], "functions": []}


def stored_case(name, id):
    return next((case for case in stored(name)["cases"] if case["id"] == id), {})


def signs(name, id, steps, samples, n):
    """z of each update and sample: drawn once, then taken from the file."""
    if stored_case(name, id):
        return stored_case(name, id)["options"]["z"]
    return np.random.default_rng(list(id.encode())).choice([-1, 1], (steps, samples, n)).tolist()


def options(optimizer, **given):
    assert not set(given) - set(DEFAULTS[optimizer]), f"{optimizer} has no option {given}"
    return {**DEFAULTS[optimizer], **given}


def runs(variant, optimizer, functions, *, starts=None, steps=200, schedule=None, clipping=None, regularizer=None,
         batches=None, note=None, **given):
    """A case for each function; with starts, for each (name of the case, function, start)."""
    if starts is None:
        starts = [(name, name, FUNCTIONS[name].start) for name in functions]
    return [
        {
            "id": f"{variant}/{label}",
            "optimizer": optimizer,
            "options": options(optimizer, **given),
            "schedule": schedule or {"kind": "constant"},
            "clipping": clipping,
            "regularizer": regularizer,
            "batches": batches,
            "function": name,
            "shape": FUNCTIONS[name].shape or [len(start)],
            "start": start,
            "steps": steps,
            "note": note,
        }
        for label, name, start in starts
    ]


ALL = ["beale", "rosenbrock", "himmelblau", "saddle", "monkey_saddle", "quad_diag_1_50", "quad_rot_1_50",
       "quad_rot_10d", "booth", "styblinski_tang", "tiny_mlp"]
FEW = ["beale", "rosenbrock", "quad_rot_1_50", "saddle", "tiny_mlp"]
# Gradient descent's rate for each function; momentum takes a fifth of it.
RATES = {"beale": 0.01, "rosenbrock": 0.001, "himmelblau": 0.01, "saddle": 0.02, "monkey_saddle": 0.02,
         "quad_diag_1_50": 0.03, "quad_rot_1_50": 0.03, "quad_rot_10d": 0.015, "booth": 0.05, "styblinski_tang": 0.02,
         "tiny_mlp": 0.2, "matrix_lsq_4x3": 0.05}
ONE_BY_ONE = [[3], [0], [6], [1], [7], [4], [2], [5], [5], [2], [0], [7], [1], [6], [3], [4]]
IN_THREES = [[3, 0, 6], [1, 7, 4], [2, 5], [5, 2, 0], [7, 1, 6], [3, 4]]


def momentum(variant, functions, lr=None, momentum=0.9, **given):
    return [case for name in functions
            for case in runs(variant, "sgd", [name], lr=lr or RATES[name] * 0.2, momentum=momentum, **given)]


def hutchinson(variant, name, samples, lr=0.1, **given):
    z = signs("adahessian_hutchinson.json", f"{variant}/{name}", 200, samples, len(FUNCTIONS[name].start))
    return runs(variant, "adahessian", [name], lr=lr, diag="hutchinson", z=z, **given)


def degenerate(variant, optimizer, **given):
    """From points where the gradient is 0 in one coordinate or in both."""
    one = [("rosenbrock_origin", "rosenbrock", [0.0, 0.0]), ("saddle_on_axis", "saddle", [1.0, 0.0])]
    return [
        *runs(variant, optimizer, [], starts=one, **given,
              note="coordinate(s) whose first gradient is exactly 0; 0/0 counts as 0"),
        *runs(variant, optimizer, [], starts=[("saddle_at_saddle", "saddle", [0.0, 0.0])], steps=20, **given,
              note="stationary start: nothing moves, no NaN"),
    ]


def sam_sgd(p):
    """Plain on the landscapes, with momentum on the network."""
    return [
        *runs(f"sam_p{p}_sgd", "sam", ["beale", "himmelblau", "booth"], p=p, base_options=options("sgd", lr=0.005)),
        *runs(f"sam_p{p}_sgd", "sam", ["tiny_mlp"], rho=0.1, p=p, base_options=options("sgd", lr=0.1, momentum=0.5)),
    ]


STEP = {"kind": "step", "gamma": 0.5, "every": 7}
COSINE = {"kind": "cosine", "total": 150, "min": 0.001}
SCHEDULES = [
    {"kind": "constant"},
    {"kind": "step", "gamma": 0.5, "every": 20},
    {"kind": "multistep", "gamma": 0.2, "milestones": [15, 60, 120]},
    {"kind": "exponential", "gamma": 0.98},
    {"kind": "cosine", "total": 150, "min": 0.0001},
    {"kind": "linear_warmup", "warmup": 10},
    {"kind": "warmup_cosine", "warmup": 10, "total": 150, "min": 0.0001},
    {"kind": "inv_sqrt"},
    {"kind": "inv_time", "decay": 0.05},
    {"kind": "polynomial", "total": 150, "power": 2.0, "min": 0.0001},
]
MOMENTA_DIFFER = "the two momentum forms differ once the learning rate changes"

TRAJECTORIES = {
    "gd.json": [case for name in [*ALL, "matrix_lsq_4x3"] for case in runs("gd", "sgd", [name], lr=RATES[name])],
    "momentum_velocity.json": [
        *momentum("momentum_velocity", ALL),
        *momentum("momentum_velocity_step_lr", ["quad_rot_1_50", "beale"], schedule=STEP, note=MOMENTA_DIFFER),
        *momentum("momentum_velocity_wd", ["rosenbrock"], lr=0.0005, momentum=0.8, weight_decay=0.01),
        *momentum("momentum_initial_velocity", ["quad_diag_1_50"], lr=0.01, initial_velocity=[0.5, -0.25]),
    ],
    "momentum_accumulator.json": [
        *momentum("momentum_accumulator", ALL, form="accumulator"),
        *momentum("momentum_accumulator_step_lr", ["quad_rot_1_50", "beale"], form="accumulator", schedule=STEP,
                  note=MOMENTA_DIFFER),
        *momentum("momentum_accumulator_wd", ["rosenbrock"], lr=0.0005, momentum=0.8, form="accumulator",
                  weight_decay=0.01),
        *momentum("momentum_dampening", ["quad_rot_1_50"], lr=0.05, form="accumulator", dampening=0.9,
                  note="b starts at 0, so the first b is (1-dampening) g; PyTorch's first b is g"),
    ],
    "nesterov_lookahead.json": [
        *momentum("nesterov_lookahead", ALL, nesterov="lookahead"),
        *momentum("nesterov_lookahead_step_lr", ["quad_rot_1_50"], nesterov="lookahead", schedule=STEP),
        *momentum("nesterov_lookahead_accumulator", FEW, form="accumulator", nesterov="lookahead"),
    ],
    "nesterov_reparam.json": [
        *momentum("nesterov_reparam", ALL, nesterov="reparam"),
        *momentum("nesterov_reparam_step_lr", ["quad_rot_1_50"], nesterov="reparam", schedule=STEP),
        *momentum("nesterov_reparam_accumulator", FEW, form="accumulator", nesterov="reparam"),
    ],
    "sgd_stochastic.json": [
        *runs("sgd_single", "sgd", ["tiny_mlp"], batches=ONE_BY_ONE, lr=0.05),
        *runs("sgd_minibatch", "sgd", ["tiny_mlp"], batches=IN_THREES, lr=0.1),
        *runs("sgd_minibatch_sum", "sgd", ["tiny_mlp_sum"], batches=IN_THREES, lr=0.03),
        *runs("momentum_minibatch", "sgd", ["tiny_mlp"], batches=IN_THREES, lr=0.02, momentum=0.9),
        *runs("nesterov_lookahead_minibatch", "sgd", ["tiny_mlp"], batches=IN_THREES, lr=0.02, momentum=0.9,
              nesterov="lookahead"),
        *runs("rmsprop_minibatch", "rmsprop", ["tiny_mlp"], batches=IN_THREES),
        *runs("adam_minibatch", "adam", ["tiny_mlp"], batches=IN_THREES, lr=0.01),
        *runs("sam_minibatch", "sam", ["tiny_mlp"], batches=IN_THREES,
              base_options=options("sgd", lr=0.02, momentum=0.9),
              note="both gradients of a step use the same mini-batch"),
    ],
    "adagrad_sum.json": [
        *runs("adagrad", "adagrad", ALL, lr=0.5, delta=1e-7),
        *runs("adagrad_delta0", "adagrad", FEW, lr=0.3),
        *runs("adagrad_acc0.1_wd", "adagrad", FEW, lr=0.3, delta=1e-10, initial_accumulator=0.1, weight_decay=0.01),
    ],
    "adagrad_rms.json": [
        *runs("adagrad_rms_delta0", "adagrad", ALL, lr=0.5, form="rms"),
        *runs("adagrad_rms_delta1e-3", "adagrad", FEW, lr=0.3, delta=0.001, form="rms",
              note="with delta > 0 this is not the sum form: delta here is worth delta*sqrt(t+1) there"),
    ],
    "rmsprop_eps_outside.json": [
        *runs("rmsprop", "rmsprop", ALL),
        *runs("rmsprop_rho0.99", "rmsprop", FEW, lr=0.02, rho=0.99, eps=1e-8, weight_decay=0.001),
    ],
    "rmsprop_eps_inside.json": [
        *runs("rmsprop_inside", "rmsprop", ALL, eps_inside=True, note="lecture-004 gamma is 1 - rho"),
        *runs("rmsprop_inside_eps1e-2", "rmsprop", FEW, lr=0.02, rho=0.95, eps=0.01, eps_inside=True),
    ],
    "rmsprop_first_gradient.json": [
        *runs("rmsprop_sigma0", "rmsprop", ALL, eps=0.0, init="first_gradient"),
        *runs("rmsprop_sigma0_eps", "rmsprop", FEW, lr=0.02, rho=0.8, init="first_gradient"),
    ],
    "adadelta.json": [
        *runs("adadelta", "adadelta", ALL, rho=0.95),
        *runs("adadelta_rho0.9_eps1e-4", "adadelta", FEW, eps=1e-4),
        *runs("adadelta_lr0.5_wd", "adadelta", FEW, lr=0.5, eps=1e-3, weight_decay=0.01),
    ],
    "adam.json": [
        *runs("adam", "adam", ALL, lr=0.05),
        *runs("adam_paper_defaults", "adam", ["beale", "tiny_mlp"], lr=0.001),
        *runs("adam_lecture002", "adam", ["beale", "tiny_mlp"], lr=0.0001, beta2=0.9),
        *runs("adam_beta2_0.9", "adam", ["beale", "quad_rot_1_50", "tiny_mlp"], lr=0.02, beta2=0.9),
    ],
    "adam_forms.json": [
        *runs("adam_nobias_inside", "adam", [*FEW, "himmelblau"], lr=0.01, eps=1e-6, eps_inside=True,
              bias_correction=False, note="the form of lecture 004, first-moment weight read as 1 - mu"),
        *runs("adam_nobias_outside", "adam", FEW, lr=0.01, bias_correction=False),
        *runs("adam_bias_inside", "adam", FEW, lr=0.05, eps=1e-3, eps_inside=True),
    ],
    "adam_decay.json": [
        *runs("adam_l2", "adam", [*FEW, "booth"], lr=0.05, weight_decay=0.01, decay="l2"),
        *runs("adamw_lecture", "adam", [*FEW, "booth"], lr=0.05, weight_decay=0.01, decay="decoupled"),
        *runs("adamw_lr", "adam", [*FEW, "booth"], lr=0.05, weight_decay=0.2, decay="decoupled_lr"),
        *runs("adamw_lecture_cosine", "adam", ["booth"], schedule=COSINE, lr=0.1, weight_decay=0.01, decay="decoupled"),
        *runs("adamw_lr_cosine", "adam", ["booth"], schedule=COSINE, lr=0.1, weight_decay=0.1, decay="decoupled_lr"),
    ],
    "adabelief.json": [
        *runs("adabelief_lecture", "adam", ALL, lr=0.01, variance="belief"),
        *runs("adabelief_paper_eps", "adam", FEW, lr=0.02, variance="belief", belief_eps=True),
        *runs("adabelief_eps1e-3", "adam", FEW, lr=0.02, beta2=0.99, eps=1e-3, variance="belief"),
        *runs("adabelief_decoupled", "adam", ["booth"], lr=0.05, eps=1e-6, variance="belief", belief_eps=True,
              weight_decay=0.01, decay="decoupled_lr"),
    ],
    "nadam.json": [
        *runs("nadam", "nadam", ALL, lr=0.05),
        *runs("nadam_warm", "nadam", FEW, lr=0.02, momentum_decay=0.0, note="the momentum stays at beta1 / 2"),
        *runs("nadam_fast_warmup", "nadam", FEW, lr=0.02, beta1=0.8, beta2=0.99, eps=1e-3, momentum_decay=0.5),
        *runs("nadam_wd", "nadam", [*FEW, "booth"], lr=0.05, weight_decay=0.01),
        *runs("nadam_no_momentum", "nadam", ["quad_rot_1_50", "booth"], lr=0.01, beta1=0.0, eps=1e-4),
        *runs("nadam_cosine", "nadam", ["booth"], schedule=COSINE, lr=0.1),
        *runs("nadam_minibatch", "nadam", ["tiny_mlp"], batches=IN_THREES, lr=0.01),
        *degenerate("nadam_eps0", "nadam", lr=0.01, eps=0.0),
    ],
    "lion.json": [
        *runs("lion", "lion", ALL, lr=0.01),
        *runs("lion_betas", "lion", FEW, lr=0.02, beta1=0.95, beta2=0.98),
        *runs("lion_wd", "lion", [*FEW, "booth"], lr=0.01, weight_decay=0.1),
        *runs("lion_no_momentum", "lion", FEW, lr=0.003, beta1=0.0),
        *runs("lion_sign_of_mean", "lion", FEW, lr=0.003, beta1=0.9, beta2=0.0),
        *runs("lion_cosine", "lion", ["booth"], schedule=COSINE, lr=0.05, weight_decay=0.05),
        *runs("lion_minibatch", "lion", ["tiny_mlp"], batches=IN_THREES, lr=0.003),
        *degenerate("lion", "lion", lr=0.01),
    ],
    "adahessian_exact.json": [
        *runs("adahessian", "adahessian", ALL, lr=0.15),
        *runs("adahessian_k0.5", "adahessian", FEW, lr=0.03, power=0.5),
        *runs("adahessian_block5", "adahessian", ["quad_rot_10d"], block=5),
        *runs("adahessian_wd", "adahessian", ["booth"], weight_decay=0.05),
    ],
    "adahessian_hutchinson.json": [
        *(case for name in ("beale", "rosenbrock", "quad_diag_1_50", "quad_rot_1_50")
          for case in hutchinson("adahessian_hutchinson_n1", name, 1)),
        *hutchinson("adahessian_hutchinson_n3", "quad_rot_1_50", 3),
        *hutchinson("adahessian_hutchinson_n1", "quad_rot_10d", 1),
        *hutchinson("adahessian_hutchinson_n1", "tiny_mlp", 1, lr=0.05),
        *hutchinson("adahessian_hutchinson_block2", "quad_rot_10d", 1, block=2),
    ],
    "factored_adam.json": [
        *runs("factored", "factored_adam", ["matrix_lsq_4x3"], lr=0.05),
        *runs("factored_beta2_0.9", "factored_adam", ["matrix_lsq_4x3"], lr=0.02, beta2=0.9),
        *runs("factored_invsqrt", "factored_adam", ["matrix_lsq_4x3"], schedule={"kind": "inv_sqrt"}, lr=0.2,
              beta2=0.99, eps=1e-3),
        *runs("unfactored_reference", "adam", ["matrix_lsq_4x3"], lr=0.05, beta1=0.0,
              note="same problem with the full second moment, for contrast"),
    ],
    "sam.json": [
        *(case for p in (2, "inf", 1, 3) for case in sam_sgd(p)),
        *runs("sam_p2_adam", "sam", ["rosenbrock", "tiny_mlp"], rho=0.02, base="adam",
              base_options=options("adam", lr=0.02)),
        *runs("sam_p2_sgd_reg", "sam", ["booth"], base_options=options("sgd", lr=0.02, weight_decay=0.1),
              note="lambda ||w||^2 of lecture 000 with lambda = 0.05: the base adds 2 lambda w at w, not at w + e"),
    ],
    "scheduled.json": [
        case for schedule in SCHEDULES
        for case in momentum(f"sgd_{schedule['kind']}", ["beale", "quad_rot_1_50"], form="accumulator",
                             schedule=schedule)
    ],
    "clipped_regularized.json": [
        *runs("clip_value", "sgd", ["rosenbrock", "beale"], clipping={"kind": "value", "limit": 1.5}, lr=0.002),
        *runs("clip_norm", "sgd", ["rosenbrock", "beale"], clipping={"kind": "norm", "limit": 2.0}, lr=0.002,
              momentum=0.5),
        *runs("clip_norm_adam", "adam", ["tiny_mlp"], clipping={"kind": "norm", "limit": 0.25}, lr=0.02),
        *runs("reg_half_l2", "sgd", ["booth", "tiny_mlp"], regularizer={"kind": "half_l2", "lam": 0.1}, lr=0.02),
        *runs("reg_l2", "sgd", ["booth", "tiny_mlp"], regularizer={"kind": "l2", "lam": 0.1}, lr=0.02),
        *runs("reg_l1", "sgd", ["booth"], regularizer={"kind": "l1", "lam": 0.3}, lr=0.02),
        *runs("reg_elastic", "adam", ["booth"], regularizer={"kind": "elastic", "lam": 0.3, "l1_ratio": 0.25}, lr=0.05),
        *runs("reg_then_clip", "sgd", ["booth"], regularizer={"kind": "half_l2", "lam": 1.0},
              clipping={"kind": "norm", "limit": 3.0}, lr=0.05,
              note="regulariser gradient first, clipping second"),
    ],
    "degenerate.json": [
        *degenerate("adagrad_delta0", "adagrad", lr=0.1),
        *degenerate("adagrad_rms_delta0", "adagrad", lr=0.1, form="rms"),
        *degenerate("rmsprop_sigma0", "rmsprop", eps=0.0, init="first_gradient"),
        *degenerate("rmsprop_eps0", "rmsprop", eps=0.0),
        *degenerate("adam_eps0", "adam", lr=0.01, eps=0.0),
        *degenerate("adadelta", "adadelta"),
        *degenerate("sam_p2", "sam", base_options=options("sgd", lr=0.001)),
    ],
}
