#!/usr/bin/env python3
"""How soon `ravine predict` prints its first line: start.py [RAVINE [STARTS]]

RAVINE: the program, build/release/tools/ravine. Of a model of the cars, for one row of them and for all.
"""
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

CARS = pathlib.Path(__file__).parents[1] / "examples" / "data" / "auto-mpg.csv"


def first_line(command):
    """Milliseconds from the start of a program to its first line."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        program.stdout.readline()
        seconds = time.perf_counter() - start
        program.stdout.read()
    if program.returncode:
        sys.exit(f"start.py: {command} failed")
    return 1e3 * seconds


def main():
    ravine = sys.argv[1] if len(sys.argv) > 1 else "build/release/tools/ravine"
    starts = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    with tempfile.TemporaryDirectory() as folder:
        model, row = folder + "/cars.safetensors", folder + "/row.csv"
        subprocess.run([ravine, "train", CARS, "--target", "mpg", "--epochs", "2", "--save", model],
                       check=True, capture_output=True)
        pathlib.Path(row).write_text("".join(CARS.read_text().splitlines(True)[:2]))
        rows = {"one row": row, "406 rows": str(CARS)}
        times = {name: [] for name in rows}
        for _ in range(starts):
            for name, table in rows.items():
                times[name].append(first_line([ravine, "predict", model, table]))
        for name, all_times in times.items():
            print(f"{name}: first line after {statistics.median(all_times):.1f} ms (median of {starts} starts; "
                  f"{min(all_times):.1f} to {max(all_times):.1f})")


main()
