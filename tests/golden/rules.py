"""The optimizers' updates, and what changes a gradient or a rate before them.

A rule takes θ, the objective f, the rate α, the update's number t = 1, 2, …, its options o and its state s, whose
numbers start at 0. It returns the new θ. Letters are the lectures': g gradient, λ weight decay, z vectors of signs.
"""
from types import SimpleNamespace

import numpy as np


def ratio(a, b):
    """a/b with 0/0 = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(a == 0, 0, a / b)


def sgd(θ, f, α, t, o, s):
    return (velocity if o.form == "velocity" else accumulator)(θ, f, α, t, o, s)


def velocity(θ, f, α, t, o, s):
    """v ← ρv - αg, θ ← θ + v; g at θ, at θ + ρv (lookahead), or with that point as the parameters (reparam)"""
    ρ, v = o.momentum, s["v"]
    if t == 1 and o.initial_velocity is not None:
        v = o.initial_velocity
    at = θ + ρ * v if o.nesterov == "lookahead" else θ
    g = f.gradient(at) + o.weight_decay * at
    v = s["v"] = ρ * v - α * g
    return θ + ρ * v - α * g if o.nesterov == "reparam" else θ + v


def accumulator(θ, f, α, t, o, s):
    """b ← μb + (1 - τ)g, θ ← θ - αb; Nesterov's forms as above with -αb for v"""
    μ, b = o.momentum, s["b"]
    at = θ - α * μ * b if o.nesterov == "lookahead" else θ
    g = f.gradient(at) + o.weight_decay * at
    b = s["b"] = μ * b + (1 - o.dampening) * g
    return θ - α * (g + μ * b) if o.nesterov == "reparam" else θ - α * b


def adagrad(θ, f, α, t, o, s):
    """r ← r + g², θ ← θ - αg / (√r + δ), or by the root mean square √(r/t) at the rate α/√t"""
    g = f.gradient(θ) + o.weight_decay * θ
    r = s["r"] = (o.initial_accumulator if t == 1 else s["r"]) + g**2
    if o.form == "sum":
        return θ - ratio(α * g, np.sqrt(r) + o.delta)
    return θ - ratio(α / np.sqrt(type(α)(t)) * g, np.sqrt(r / t) + o.delta)


def rmsprop(θ, f, α, t, o, s):
    """r ← ρr + (1 - ρ)g², or g² in the first update; θ ← θ - αg / (√r + ε) or / √(r + ε)"""
    g = f.gradient(θ) + o.weight_decay * θ
    first = t == 1 and o.init == "first_gradient"
    r = s["r"] = g**2 if first else o.rho * s["r"] + (1 - o.rho) * g**2
    return θ - ratio(α * g, np.sqrt(r + o.eps) if o.eps_inside else np.sqrt(r) + o.eps)


def adadelta(θ, f, α, t, o, s):
    """Δ = -√(E[Δ²] + ε) / √(E[g²] + ε) g with the E[Δ²] of the updates before; θ ← θ + αΔ"""
    g = f.gradient(θ) + o.weight_decay * θ
    s["g²"] = o.rho * s["g²"] + (1 - o.rho) * g**2
    Δ = -ratio(np.sqrt(s["Δ²"] + o.eps) * g, np.sqrt(s["g²"] + o.eps))
    s["Δ²"] = o.rho * s["Δ²"] + (1 - o.rho) * Δ**2
    return θ + α * Δ


def adam(θ, f, α, t, o, s):
    """θ ← θ - αm̂ / (√v̂ + ε) or / √(v̂ + ε); AdaBelief's v is of g - m; decay is of the old θ"""
    g = f.gradient(θ) + (o.weight_decay * θ if o.decay == "l2" else 0)
    m = s["m"] = o.beta1 * s["m"] + (1 - o.beta1) * g
    surprise = g - m if o.variance == "belief" else g
    v = s["v"] = o.beta2 * s["v"] + (1 - o.beta2) * surprise**2 + (o.eps if o.belief_eps else 0)
    if o.bias_correction:
        m, v = m / (1 - o.beta1**t), v / (1 - o.beta2**t)
    step = α * ratio(m, np.sqrt(v + o.eps) if o.eps_inside else np.sqrt(v) + o.eps)
    decay = {"none": 0, "l2": 0, "decoupled": o.weight_decay, "decoupled_lr": α * o.weight_decay}[o.decay]
    return θ - step - decay * θ


def nadam(θ, f, α, t, o, s):
    """m̂ = μ_{t+1} m / (1 - Π_{t+1}) + (1 - μ_t) g / (1 - Π_t) with μ_t = β₁(1 - ½ 0.96^{tψ}), Π_t = μ₁ … μ_t"""
    g = f.gradient(θ) + o.weight_decay * θ
    m = s["m"] = o.beta1 * s["m"] + (1 - o.beta1) * g
    v = s["v"] = o.beta2 * s["v"] + (1 - o.beta2) * g**2
    μ, next_μ = (o.beta1 * (1 - type(α)(0.96) ** (k * o.momentum_decay) / 2) for k in (t, t + 1))
    Π = s["Π"] = (1 if t == 1 else s["Π"]) * μ
    m_hat = next_μ * m / (1 - Π * next_μ) + (1 - μ) * g / (1 - Π)
    return θ - α * ratio(m_hat, np.sqrt(v / (1 - o.beta2**t)) + o.eps)


def lion(θ, f, α, t, o, s):
    """u = sign(β₁m + (1 - β₁)g), m ← β₂m + (1 - β₂)g, θ ← θ - α(u + λθ)"""
    g = f.gradient(θ)
    u = np.sign(o.beta1 * s["m"] + (1 - o.beta1) * g)
    s["m"] = o.beta2 * s["m"] + (1 - o.beta2) * g
    return θ - α * (u + o.weight_decay * θ)


def adahessian(θ, f, α, t, o, s):
    """Adam with D², D = diag(H) or the mean of z ⊙ (Hz), averaged over blocks; θ ← θ - αm̂ / (√v̂ᵏ + ε) - αλθ"""
    g, H = f.gradient(θ), f.hessian(θ)
    D = np.diag(H) if o.diag == "exact" else np.mean([z * (H @ z) for z in np.array(o.z[t - 1])], 0)
    blocks = np.arange(len(D)) // o.block
    D = np.array([np.mean(D[blocks == b]) for b in blocks])
    m = s["m"] = o.beta1 * s["m"] + (1 - o.beta1) * g
    v = s["v"] = o.beta2 * s["v"] + (1 - o.beta2) * D**2
    m_hat, v_hat = m / (1 - o.beta1**t), v / (1 - o.beta2**t)
    return θ - α * m_hat / (np.sqrt(v_hat) ** o.power + o.eps) - α * o.weight_decay * θ


def factored_adam(θ, f, α, t, o, s):
    """Adam with β₁ = 0 of a matrix, whose v is R Cᵀ / ΣR from the sums of its rows and columns"""
    G = f.gradient(θ).reshape(o.shape)
    R = s["R"] = o.beta2 * s["R"] + (1 - o.beta2) * np.sum(G**2, 1)
    C = s["C"] = o.beta2 * s["C"] + (1 - o.beta2) * np.sum(G**2, 0)
    v_hat = ratio(np.outer(R, C), np.sum(R)) / (1 - o.beta2**t)
    return θ - α * ratio(G, np.sqrt(v_hat) + o.eps).ravel()


def sam(θ, f, α, t, o, s):
    """A step of the base with the gradient at θ + e; only the gradient: the base's decay is of θ"""
    h = f.gradient(θ + perturbation(f.gradient(θ), o.rho, o.p))
    return RULES[o.base](θ, SimpleNamespace(gradient=lambda _: h), α, t, o.base_options, s)


def perturbation(g, ρ, p):
    """The e of p-norm ρ that raises g·e most: ρ sign(g)|g|^{q-1} / (Σ|g|^q)^{1/p} with 1/p + 1/q = 1"""
    if p == "inf":
        return ρ * np.sign(g)
    if p == 1:  # all of it to the first of the largest
        e = np.zeros_like(g)
        k = np.argmax(abs(g))
        e[k] = ρ * np.sign(g[k])
        return e
    q = p / (p - 1)
    return ratio(ρ * np.sign(g) * abs(g) ** (q - 1), np.sum(abs(g) ** q) ** (1 / p))


RULES = {rule.__name__: rule for rule in
         (sgd, adagrad, rmsprop, adadelta, adam, nadam, lion, adahessian, factored_adam, sam)}


def regularizer(kind, lam, l1_ratio=None):
    """λ g(θ) and its gradient; the slope of |x| at 0 counts as 0."""
    half = lambda θ: np.sum(θ**2) / 2
    l1 = lambda θ: np.sum(abs(θ))
    if kind == "half_l2":
        return lambda θ: lam * half(θ), lambda θ: lam * θ
    if kind == "l2":
        return lambda θ: lam * 2 * half(θ), lambda θ: lam * 2 * θ
    if kind == "l1":
        return lambda θ: lam * l1(θ), lambda θ: lam * np.sign(θ)
    if kind == "elastic":
        r = l1_ratio
        return (lambda θ: lam * (r * l1(θ) + (1 - r) * half(θ))), (lambda θ: lam * (r * np.sign(θ) + (1 - r) * θ))
    raise ValueError(f"regularizer {kind}")


def clipped(g, kind, limit):
    """Each element, or the norm of all, at most the limit."""
    if kind == "value":
        return np.clip(g, -limit, limit)
    norm = np.sqrt(np.sum(g**2))
    return g * (limit / norm) if norm > limit else g


def rate(s, α, t):
    """α_t for t = 0, 1, … finished updates."""

    def cosine(t, total):
        return s.min + (α - s.min) * np.cos(np.pi * min(t, total) / total / 2) ** 2  # ½ (1 + cos), without cancellation

    return {
        "constant": lambda: α,
        "step": lambda: α * s.gamma ** (t // s.every),
        "multistep": lambda: α * s.gamma ** sum(m <= t for m in s.milestones),
        "exponential": lambda: α * s.gamma**t,
        "cosine": lambda: cosine(t, s.total),
        "linear_warmup": lambda: α * min(1, (t + 1) / s.warmup),
        "warmup_cosine": lambda: α * (t + 1) / s.warmup if t < s.warmup else cosine(t - s.warmup, s.total - s.warmup),
        "inv_sqrt": lambda: α / np.sqrt(type(α)(t + 1)),
        "inv_time": lambda: α / (1 + s.decay * t),
        "polynomial": lambda: s.min + (α - s.min) * (type(α)(1) - type(α)(min(t, s.total)) / s.total) ** s.power,
    }[s.kind]()
