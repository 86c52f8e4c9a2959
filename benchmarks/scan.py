"""Scan throughput, as a ratio to reading and SHA-256 of the same files in the same run.

python benchmarks/scan.py [megabytes per file]
"""

import hashlib
import io
import os
import pickle
import sys
import tempfile
from functools import partial
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

import django
import joblib
import numpy as np

from importers.scanner import ScanItem, scan_package
from tests import hostile

MEGABYTE = 1_000_000


def contents(size):
    """Name → bytes of about `size` bytes each."""
    random = np.random.default_rng(1)
    numbers = random.normal(size=size // 8)
    trees = io.BytesIO()
    joblib.dump([{"nodes": part, "depth": 3} for part in np.array_split(numbers, max(1, size // 20_000))], trees)
    packed = io.BytesIO()
    joblib.dump(numbers, packed, compress=3)
    return {
        "opaque bytes": random.bytes(size),
        "array (.npy)": hostile.saved(numbers),
        "safetensors": hostile.safetensors({"w": numbers.tobytes()}),
        "torch checkpoint": hostile.torch_zip(tensors={"0": numbers.tobytes()}),
        "joblib, one array": hostile.dumped(numbers),
        "joblib, many arrays": trees.getvalue(),
        "joblib, compressed": packed.getvalue(),
        "pickle of numbers": pickle.dumps(numbers[: size // 9 // 8].tolist()),
        "text": b"feature,value,label\n" * (size // 20),
    }


def read_and_hash(path):
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1024 * 1024):
            digest.update(chunk)


def seconds(action):
    started = perf_counter()
    action()
    return perf_counter() - started


def scan(path):
    item = ScanItem("model/file", path.stat().st_size, partial(path.open, "rb"))
    started = perf_counter()
    report = scan_package([item], engine="Scikit_Learn")
    return perf_counter() - started, report


def main():
    django.setup()
    size = int(sys.argv[1] if len(sys.argv) > 1 else 100) * MEGABYTE
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty"
        empty.touch()
        start, _report = scan(empty)
        print(f"starting the process takes {start:.2f} s and is left out below")
        print(f"{'content':22} {'MB':>7} {'scan MB/s':>10} {'hash MB/s':>10} {'ratio':>7}  verdict")
        for name, content in contents(size).items():
            path = Path(folder) / "file"
            path.write_bytes(content)
            amount = len(content) / MEGABYTE
            del content
            hashing = seconds(partial(read_and_hash, path))
            took, report = scan(path)
            scanning = max(1e-3, took - start)
            print(
                f"{name:22} {amount:7.1f} {amount / scanning:10.0f} {amount / hashing:10.0f} "
                f"{hashing / scanning:7.2f}  {report.verdict}"
            )


if __name__ == "__main__":
    main()
