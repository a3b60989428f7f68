#!/usr/bin/env python3
"""Writes this folder's files, with NumPy: make.py [folder]"""
import os
import sys

import numpy as np

folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))


def path(name):
    return os.path.join(folder, name)


counted = np.arange(-3, 9, dtype="<f4").reshape(3, 4) / 4
np.save(path("version1.npy"), counted)
for version in (2, 3):
    with open(path(f"version{version}.npy"), "wb") as file:
        np.lib.format.write_array(file, counted, version=(version, 0))
np.save(path("fortran_big_endian.npy"), np.asfortranarray(np.arange(24, dtype=">f8").reshape(2, 3, 4)))

kinds = ["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]


def extremes(kind):
    if kind == "b1":
        return np.array([False, True])
    if kind[0] == "f":
        info = np.finfo(kind)
        return np.array([info.min, info.smallest_subnormal, info.tiny, -0.0, 1 / 3, np.inf, -np.inf], kind)
    info = np.iinfo(kind)
    return np.array([info.min, 1, min(info.max, 2**63 - 1)], kind)


arrays = {order + kind: extremes(kind).astype(order + kind) for kind in kinds for order in "<>"}
arrays |= {"empty": np.zeros((0, 3)), "scalar": np.array(2.5), "größe": np.array([1, 2, 3])}
np.savez(path("stored.npz"), **arrays)
np.savez_compressed(path("compressed.npz"), zeros=np.zeros((100, 200), "f4"), **arrays)
np.savez(path("nothing.npz"))
np.savez(path("text.npz"), X=counted, names=np.array(["mpg", "year"]), notes=np.array([None]))
