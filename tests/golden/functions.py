"""The functions that are minimized: value, gradient and Hessian of each, for θ in float64 or in longdouble."""
from dataclasses import dataclass, field, replace
from typing import Callable, Optional

import numpy as np


@dataclass
class Function:
    """f(θ), its gradient and its Hessian. Of a function with examples on(batch) is the same on some of them."""

    start: list
    value: Callable
    gradient: Callable
    hessian: Callable
    minima: list = field(default_factory=list)
    params: dict = field(default_factory=dict)
    shape: Optional[list] = None
    examples: int = 0
    on: Optional[Callable] = None


def sum_of_squares(start, r, J, H, weight=1.0, **more):
    """weight Σ r_k²: residuals r(θ), their gradients as the rows of J(θ), their Hessians H(θ)[k]."""
    return Function(
        start,
        lambda θ: weight * np.sum(r(θ) ** 2),
        lambda θ: 2 * weight * J(θ).T @ r(θ),
        lambda θ: 2 * weight * (J(θ).T @ J(θ) + np.tensordot(r(θ), H(θ), 1)),
        **more,
    )


def beale():
    """Σ (c - x + xyᵏ)²"""
    c, k = np.array([1.5, 2.25, 2.625]), np.array([1, 2, 3])
    return sum_of_squares(
        [1.0, -0.5],
        lambda θ: c - θ[0] + θ[0] * θ[1] ** k,
        lambda θ: np.stack([θ[1] ** k - 1, k * θ[0] * θ[1] ** (k - 1)], 1),
        lambda θ: np.array([[[0, 1], [1, 0]], [[0, 2 * θ[1]], [2 * θ[1], 2 * θ[0]]],
                            [[0, 3 * θ[1] ** 2], [3 * θ[1] ** 2, 6 * θ[0] * θ[1]]]]),
        minima=[[3.0, 0.5]],
    )


def rosenbrock():
    """(1 - x)² + 100 (y - x²)²"""
    return sum_of_squares(
        [-1.2, 1.0],
        lambda θ: np.array([1 - θ[0], 10 * (θ[1] - θ[0] ** 2)]),
        lambda θ: np.array([[-1, 0], [-20 * θ[0], 10]]),
        lambda θ: np.array([[[0, 0], [0, 0]], [[-20, 0], [0, 0]]]),
        minima=[[1.0, 1.0]],
    )


def himmelblau():
    """(x² + y - 11)² + (x + y² - 7)²"""
    return sum_of_squares(
        [-1.0, 0.5],
        lambda θ: np.array([θ[0] ** 2 + θ[1] - 11, θ[0] + θ[1] ** 2 - 7]),
        lambda θ: np.array([[2 * θ[0], 1], [1, 2 * θ[1]]]),
        lambda θ: np.array([[[2, 0], [0, 0]], [[0, 0], [0, 2]]]),
        minima=[[3.0, 2.0]],
    )


def booth():
    """(x + 2y - 7)² + (2x + y - 5)²"""
    return sum_of_squares(
        [-3.0, 2.0],
        lambda θ: np.array([θ[0] + 2 * θ[1] - 7, 2 * θ[0] + θ[1] - 5]),
        lambda θ: np.array([[1, 2], [2, 1]]),
        lambda θ: np.zeros((2, 2, 2)),
        minima=[[1.0, 3.0]],
    )


def saddle():
    """x² - y²"""
    sign = np.array([1, -1])
    return Function([0.5, 0.001], lambda θ: np.sum(sign * θ**2), lambda θ: 2 * sign * θ, lambda θ: 2 * np.diag(sign))


def monkey_saddle():
    """x³ - 3xy²"""
    return Function(
        [0.4, 0.3],
        lambda θ: θ[0] ** 3 - 3 * θ[0] * θ[1] ** 2,
        lambda θ: np.array([3 * θ[0] ** 2 - 3 * θ[1] ** 2, -6 * θ[0] * θ[1]]),
        lambda θ: np.array([[6 * θ[0], -6 * θ[1]], [-6 * θ[1], -6 * θ[0]]]),
    )


def styblinski_tang():
    """½ Σ (x⁴ - 16x² + 5x)"""
    return Function(
        [0.5, -1.0],
        lambda θ: np.sum(θ**4 - 16 * θ**2 + 5 * θ) / 2,
        lambda θ: 2 * θ**3 - 16 * θ + 2.5,
        lambda θ: np.diag(6 * θ**2 - 16),
        minima=[[min(np.roots([2, 0, -16, 2.5]))] * 2],
    )


def quadratic(start, A):
    """½ θᵀAθ"""
    A = np.array(A)
    return Function(start, lambda θ: θ @ A @ θ / 2, lambda θ: A @ θ, lambda θ: A, [[0.0] * len(A)], {"A": A.tolist()})


EIGENVALUES = {
    "quad_diag_1_50": [1.0, 50.0],
    "quad_diag_1_64": [1.0, 64.0],
    "quad_rot_1_50": [1.0, 50.0],
    "quad_rot_10d": [1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 55.0, 89.0],
}


def reflected(eigenvalues):
    """HΛH with the reflection H = I - vvᵀ/8: no entry is rounded."""
    v = np.array([2, 2, 1, 1, 1, 1, 1, 1, 1, 1])
    H = np.eye(10) - np.outer(v, v) / 8
    return H @ np.diag(eigenvalues) @ H


def matrix_lsq():
    """½ |PX - Q|² of a 4 x 3 matrix X"""
    P = np.array([[1, 0.5, -0.25, 0], [0, 2, 0.5, -1], [0.75, -0.5, 1.5, 0.25],
                  [-1.25, 0, 0.5, 1], [0.5, 1, 0, 3], [0.25, -0.75, 2.5, 0.5]])
    Q = np.array([[1, -2, 0.5], [0.25, 1.5, -1], [-0.5, 0.75, 2], [1.25, 0, -0.75], [2, -1, 0.25], [-1.5, 0.5, 1]])
    return Function(
        [0.5, -1.0, 0.25, 1.0, 0.75, -0.5, -0.25, 1.5, 0.0, -1.25, 0.5, 1.0],
        lambda θ: np.sum((P @ θ.reshape(4, 3) - Q) ** 2) / 2,
        lambda θ: (P.T @ (P @ θ.reshape(4, 3) - Q)).ravel(),
        lambda θ: np.kron(P.T @ P, np.eye(3)),
        params={"P": P.tolist(), "Q": Q.tolist()},
        shape=[4, 3],
    )


def tiny_mlp(reduction):
    """Squared errors of ŷ = W₂ tanh(W₁x + b₁) + b₂ with four units, averaged or summed over 8 examples."""
    X = np.array([[0.5, -0.25], [-1, 0.75], [0.25, 1.5], [1.25, -0.5],
                  [-0.75, -1.25], [1, 1], [-0.5, 0.25], [0.75, -1.5]])
    Y = np.array([0.5, -0.75, 0.25, 1, -1.25, 0.125, -0.5, 0.875])
    of_unit = [[2 * i, 2 * i + 1, 8 + i] for i in range(4)]  # where W₁ and b₁ of a unit are in θ

    def errors(X, Y):
        X1 = np.column_stack([X, np.ones(len(X))])

        def units(θ):
            return np.tanh(X1 @ θ[of_unit].T)

        def jacobian(θ):
            h, w = units(θ), θ[12:16]
            J = np.ones((len(X), 17), θ.dtype)
            for i, at in enumerate(of_unit):
                J[:, at] = (w[i] * (1 - h[:, i] ** 2))[:, None] * X1
                J[:, 12 + i] = h[:, i]
            return J

        def curvature(θ):
            h, w = units(θ), θ[12:16]
            H = np.zeros((len(X), 17, 17), θ.dtype)
            for i, at in enumerate(of_unit):
                slope = (1 - h[:, i] ** 2)[:, None] * X1
                H[:, at, 12 + i] = H[:, 12 + i, at] = slope
                for j, x in zip(at, X1.T):
                    H[:, j, at] = (-2 * w[i] * h[:, i] * x)[:, None] * slope
            return H

        start = [0.3, -0.2, -0.4, 0.1, 0.25, 0.35, -0.15, 0.45, 0.05, -0.1, 0.2, 0.0, 0.5, -0.3, 0.4, -0.6, 0.1]
        weight = 1 / len(X) if reduction == "mean" else 1.0
        return sum_of_squares(start, lambda θ: units(θ) @ θ[12:16] + θ[16] - Y, jacobian, curvature, weight)

    layout = "W1[4][2] row-major, b1[4], W2[4], b2[1]; y_hat = W2.tanh(W1 x + b1) + b2"
    params = {"X": X.tolist(), "Y": Y.tolist(), "reduction": reduction, "layout": layout}
    return replace(errors(X, Y), params=params, examples=len(X), on=lambda batch: errors(X[batch], Y[batch]))


FUNCTIONS = {
    "beale": beale(),
    "rosenbrock": rosenbrock(),
    "himmelblau": himmelblau(),
    "saddle": saddle(),
    "monkey_saddle": monkey_saddle(),
    "quad_diag_1_50": quadratic([-2.0, 1.5], np.diag(EIGENVALUES["quad_diag_1_50"])),
    "quad_diag_1_64": quadratic([-2.0, 1.5], np.diag(EIGENVALUES["quad_diag_1_64"])),
    "quad_rot_1_50": quadratic([-1.0, 2.0], [[32.36, -23.52], [-23.52, 18.64]]),  # 1 along (3, 4)/5, 50 across
    "quad_rot_10d": quadratic([1.0, -1.0, 0.5, 2.0, -0.25, 1.5, -2.0, 0.75, 1.25, -1.5],
                              reflected(EIGENVALUES["quad_rot_10d"])),
    "booth": booth(),
    "styblinski_tang": styblinski_tang(),
    "tiny_mlp": tiny_mlp("mean"),
    "tiny_mlp_sum": tiny_mlp("sum"),
    "matrix_lsq_4x3": matrix_lsq(),
}
