#!/usr/bin/env python3
"""Nets of PyTorch for ravine, and ravine's for PyTorch and onnxruntime.

    make.py PROGRAM           writes files/ anew, by build/release/tests/travel
    make.py PROGRAM --check   does the same in a temporary folder, and looks at the files that are there as well

Either way all must agree: PyTorch's nets predict the same in ravine, ravine's the same in PyTorch, within 1e-6, and in
onnxruntime within 1e-5, in a batch and row by row. Needs torch, safetensors, onnx, onnxruntime and numpy.
"""
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import onnxruntime
    import torch
    from safetensors.torch import load_file, save_file
    from torch import nn
except ImportError as missing:
    print(f"travel.make: skipped, {missing}")
    sys.exit(77)

FILES = pathlib.Path(__file__).parent / "files"


def nets():
    """The same as in nets.hpp."""
    return {
        "norms": nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(),
            nn.Sequential(nn.Linear(8, 6, bias=False), nn.LayerNorm(6), nn.GELU("tanh")), nn.Dropout(0.25),
            nn.RMSNorm(6), nn.SiLU(), nn.Linear(6, 3), nn.LogSoftmax(1)),
        "steps": nn.Sequential(
            nn.Linear(4, 6), nn.LayerNorm((2, 6)), nn.Sigmoid(), nn.RMSNorm((2, 6), eps=1e-3), nn.GELU(),
            nn.Linear(6, 6), nn.LeakyReLU(0.1), nn.Linear(6, 3), nn.Softmax(-1)),
        "wide": nn.Sequential(
            nn.Linear(3, 5), nn.BatchNorm1d(5, eps=1e-3, affine=False), nn.Softplus(2.0),
            nn.LayerNorm(5, eps=1e-4, elementwise_affine=False), nn.ELU(0.5), nn.RMSNorm(5, elementwise_affine=False),
            nn.GELU(), nn.Linear(5, 1)).double(),
        "words": nn.Sequential(
            nn.Embedding(7, 4), nn.Flatten(), nn.Identity(), nn.Linear(12, 5), nn.Tanh(), nn.Linear(5, 2)),
    }


def inputs(name):
    if name == "words":
        return torch.randint(7, (8, 3))
    return torch.randn(8, 2, 4) if name == "steps" else torch.randn(8, 3).double() if name == "wide" else torch.randn(8, 4)


def write_torch(folder):
    torch.manual_seed(1)
    for name, net in nets().items():
        x = inputs(name)
        optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
        for _ in range(10):
            optimizer.zero_grad()
            (net(x) - 0.3).square().mean().backward()
            optimizer.step()
        net.eval()
        save_file(net.state_dict(), folder / f"{name}.torch.safetensors")
        save_file({"input": x, "prediction": net(x).detach()}, folder / f"{name}.torch.values.safetensors")


def judge(what, off, tolerance):
    print(f"{what:60} off by {off:.1e}")
    assert off <= tolerance, f"{what}: off by {off}, more than {tolerance}"


def check_state(folder, side):
    for name, net in nets().items():
        net.load_state_dict(load_file(folder / f"{name}.{side}.safetensors"))
        net.eval()
        values = load_file(folder / f"{name}.{side}.values.safetensors")
        judge(f"{name}.{side} in PyTorch", (net(values["input"]) - values["prediction"]).abs().max().item(), 1e-6)


def check_onnx(path):
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    values = load_file(path.with_suffix(".values.safetensors"))
    x, expected = values["input"].numpy(), values["prediction"].numpy()
    run = lambda rows: session.run(["output"], {"input": rows})[0]
    batch, alone = run(x), np.concatenate([run(x[i:i + 1]) for i in range(len(x))])
    assert batch.dtype == expected.dtype and batch.shape == expected.shape, (path, batch.shape, batch.dtype)
    assert run(x[:0]).shape == (0, *expected.shape[1:]), path
    judge(f"{path.name} in onnxruntime", max(abs(batch - expected).max(), abs(alone - expected).max()), 1e-5)


def run(program, folder, layers):
    write_torch(folder)
    subprocess.run([program, folder, layers], check=True)
    check(folder)
    for path in sorted(pathlib.Path(layers).glob("*.onnx")):
        check_onnx(path)


def check(folder):
    for side in "torch", "ravine":
        check_state(folder, side)
    for path in sorted(folder.glob("*.onnx")):
        check_onnx(path)


onnxruntime.set_default_logger_severity(3)
with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
    if "--check" in sys.argv:
        check(FILES)
        run(sys.argv[1], pathlib.Path(first), second)
    else:
        run(sys.argv[1], FILES, second)
print("PyTorch, onnxruntime and ravine agree")
