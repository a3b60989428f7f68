#!/usr/bin/env python3
"""Writes this folder's file, with PyTorch: make.py [folder]"""
import os
import sys

import torch
from safetensors.torch import save_file

folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))

tensors = {"bool": torch.tensor([False, True]), "f64": torch.tensor(1 / 3, dtype=torch.float64)}
for name in ("float16", "bfloat16", "float32"):
    info = torch.finfo(getattr(torch, name))
    values = [info.min, info.smallest_normal, info.smallest_normal * info.eps, -0.0, 1 / 3, float("inf"), -float("inf")]
    tensors[name] = torch.tensor(values, dtype=getattr(torch, name))
for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
    info = torch.iinfo(getattr(torch, name))
    tensors[name] = torch.tensor([info.min, 1, min(info.max, 2**63 - 1)], dtype=getattr(torch, name))
tensors["empty"] = torch.zeros((0, 3), dtype=torch.bfloat16)
save_file(tensors, os.path.join(folder, "types.safetensors"))
