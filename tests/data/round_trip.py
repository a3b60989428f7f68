#!/usr/bin/env python3
"""Arrays that NumPy and safetensors wrote come back from ravine with their values: round_trip.py PROGRAM
Ends with 77 where Python has no NumPy; leaves safetensors out where that is missing."""
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    sys.exit(77)
try:
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file
except ImportError:
    save_file = None

KINDS = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
OURS = {"?": "u1", "u1": "u1", "f2": "f4", "f4": "f4", "f8": "f8"}
SHAPES = [(), (0,), (7,), (3, 0, 2), (3, 5), (2, 3, 4, 5), (300, 400)]
rng = np.random.default_rng(1)


def array(kind, shape):
    if kind == "?":
        return rng.integers(0, 2, shape).astype(kind)
    if kind[0] == "f":
        return (rng.standard_normal(shape) * 100).astype(kind)
    info = np.iinfo(kind)
    return rng.integers(info.min, min(info.max, 2**63 - 1), shape, "u8" if kind == "u8" else "i8").astype(kind)


def check(name, expected, got):
    expected = expected.astype(OURS.get(expected.dtype.str[1:], "?" if expected.dtype == bool else "i8"))
    if expected.dtype == bool:
        expected = expected.astype("u1")
    assert got.dtype == expected.dtype, f"{name}: {got.dtype}, expected {expected.dtype}"
    assert got.shape == expected.shape, f"{name}: {got.shape}, expected {expected.shape}"
    assert got.tobytes() == expected.tobytes(), f"{name}: other values"


with tempfile.TemporaryDirectory() as folder:
    before, after = (os.path.join(folder, part) for part in ("before", "after"))
    os.mkdir(before)
    os.mkdir(after)
    arrays = {}
    for kind in KINDS:
        for shape in SHAPES:
            for order in "<>":
                for fortran in (False, True):
                    x = array(kind, shape).astype(np.dtype(kind).newbyteorder(order))
                    arrays[f"{len(arrays)}"] = np.asfortranarray(x) if fortran else x
    for name, x in arrays.items():
        np.save(os.path.join(before, name + ".npy"), x)
    np.savez(os.path.join(before, "stored.npz"), **arrays)
    np.savez_compressed(os.path.join(before, "packed.npz"), **arrays)
    plain = {name: np.ascontiguousarray(x) for name, x in arrays.items() if x.dtype.str in ("<f4", "<f8", "<i8", "|u1")}
    if save_file:
        save_file(plain, os.path.join(before, "all.safetensors"), {"format": "np", "größe": "ß\n"})

    subprocess.run([sys.argv[1], before, after], check=True)
    for name, x in arrays.items():
        check(name + ".npy", x, np.load(os.path.join(after, name + ".npy")))
    for archive in ("stored.npz", "packed.npz"):
        got = np.load(os.path.join(after, archive))
        assert set(got.files) == set(arrays)
        for name, x in arrays.items():
            check(f"{archive}: {name}", x, got[name])
    if save_file:
        got = load_file(os.path.join(after, "all.safetensors"))
        assert set(got) == set(plain)
        for name, x in plain.items():
            check(f"all.safetensors: {name}", x, got[name])
        with safe_open(os.path.join(after, "all.safetensors"), "np") as file:
            assert file.metadata() == {"format": "np", "größe": "ß\n"}
    print(f"{len(arrays)} arrays", "and safetensors" if save_file else "without safetensors")
