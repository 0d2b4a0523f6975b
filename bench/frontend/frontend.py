# SPDX-License-Identifier: BSL-1.0
"""What including the library costs a compiler's front end: python3 frontend.py [--every] [--json FILE] [COMPILER...]

Processor time of -fsyntax-only in C++20, user and system, median of 15 runs that alternate between what is compared; with --every,
for each header on its own, of 3. Times vary, so nothing here fails a build.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUNS = 15
# what is included: at most this times the baseline
BASELINE = "<atomic> <memory> <system_error>"
HEADERS = {
    BASELINE: None,
    '"fanout/fanout_op.hpp"': 1.35,
    '"fanout/issue.hpp"': None,
    '"fanout/fanout.hpp"': None,
}


def seconds(command):
    """Processor time of one run, of the compiler driver and what it starts."""
    child = subprocess.Popen(command)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"failed: {' '.join(command)}")
    return usage.ru_utime + usage.ru_stime


def every_header():
    """Each that users include, but for what tests include."""
    folder = ROOT / "include"
    found = sorted(path.relative_to(folder) for path in folder.rglob("*.hpp"))
    return [f'"{path}"' for path in found if not {"detail", "testing"} & set(path.parts)]


def measure(compiler, headers, runs):
    times = {header: [] for header in headers}
    with tempfile.TemporaryDirectory() as folder:
        commands = {}
        for number, header in enumerate(headers):
            source = os.path.join(folder, f"{number}.cpp")
            with open(source, "w") as file:
                file.writelines(f"#include {name}\n" for name in header.split())
            commands[header] = [compiler, "-std=c++20", "-fsyntax-only", f"-I{ROOT / 'include'}", source]
            seconds(commands[header])  # fills the caches
        for _ in range(runs):
            for header, command in commands.items():
                times[header].append(seconds(command))
    return {header: statistics.median(list_of) for header, list_of in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", action="store_true", help="each header on its own")
    parser.add_argument("--json", help="write the figures there as well")
    parser.add_argument("compilers", nargs="*", default=["g++", "clang++-19"])
    arguments = parser.parse_args()

    headers = dict.fromkeys([BASELINE, *every_header()]) | HEADERS if arguments.every else HEADERS
    rows = []
    print(f"{'compiler':<12} {'included':<38} {'ms':>6} {'ratio':>6}  bar")
    for compiler in arguments.compilers:
        if shutil.which(compiler) is None:
            print(f"{compiler:<12} SKIPPED: not installed")
            continue
        medians = measure(compiler, headers, 3 if arguments.every else RUNS)
        for header, bar in headers.items():
            ratio = medians[header] / medians[BASELINE]
            verdict = "" if bar is None else f"{bar:.2f} {'ABOVE' if ratio > bar else 'ok'}"
            print(f"{compiler:<12} {header:<38} {medians[header] * 1e3:>6.0f} {ratio:>6.2f}  {verdict}".rstrip())
            rows.append({"compiler": compiler, "included": header, "seconds": medians[header], "ratio": ratio, "bar": bar})
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(rows, file, indent=2)


if __name__ == "__main__":
    main()
