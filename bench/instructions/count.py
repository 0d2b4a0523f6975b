# SPDX-License-Identifier: BSL-1.0
"""Instructions per branch, counted by callgrind: python3 count.py PROGRAM [--json FILE] [--all]

Unlike times they hardly vary, so they may fail a build: the exit status is 1 where a contender needs more than its share
of what the hand-written C needs, 77 where there is no valgrind. Counted is everything from making the operation to the end
of its completion, including malloc and the null operations, on all threads.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
N = 256
SIZES = (1, 16, 256)

# (mode, contender): at most this times the hand-written C, at N = 256. For `fanout`, deferred and cross, the goal is 1, and one in a hundred is
# left to the C library; the
# others are what was reached, so that nothing gets dearer unnoticed. The goal of `inline` was 0.8: see docs/decisions.md.
BARS = {
    ("inline_c", "fanout"): 1.79,
    ("inline", "fanout"): 1.06,
    ("inline", "fanout_c"): 1.31,
    ("deferred", "fanout"): 1.01,
    ("deferred", "fanout_c"): 1.23,
    ("cross", "fanout"): 1.01,
    ("cross", "fanout_c"): 1.23,
}
UNBARRED = [(mode, name) for mode, names in (
    ("inline_c", ("fanout", "fanout_local", "embedded")), ("inline", ("fanout_c", "fanout_local", "embedded")),
    ("deferred", ("fanout_c", "fanout_local", "embedded")), ("cross", ("fanout_c", "embedded"))) for name in names]


def count(program, mode, contender, n):
    """Instructions of one fan-out, divided by n."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "callgrind.out")
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
             "--toggle-collect=measured_issue", "--toggle-collect=measured_complete",
             program, mode, contender, str(n)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if run.returncode != 0:
            sys.exit(f"{mode}/{contender}/{n} failed under callgrind:\n{run.stdout}")
        with open(out) as profile:
            totals = re.search(r"^(?:totals|summary): (\d+)", profile.read(), re.MULTILINE)
        if not totals or int(totals[1]) == 0:
            sys.exit(f"{mode}/{contender}/{n}: callgrind has collected nothing")
        return int(totals[1]) / n


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--json", help="write the counts there as well")
    parser.add_argument("--all", action="store_true", help="all contenders and several N, not only what has a bar")
    arguments = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("SKIPPED: valgrind is not installed (Debian and Ubuntu: apt install valgrind)")
        return SKIPPED

    sizes = SIZES if arguments.all else (N,)
    pairs = list(BARS) + (UNBARRED if arguments.all else [])
    baseline = {(mode, n): count(arguments.program, mode, "handwritten", n)
                for mode in dict.fromkeys(mode for mode, _ in pairs) for n in sizes}
    print(f"{'mode/contender/N':<28} {'instructions/branch':>19} {'handwritten':>12} {'ratio':>6}  bar")
    rows, good = [], True
    for mode, contender in pairs:
        for n in sizes:
            ours, theirs = count(arguments.program, mode, contender, n), baseline[mode, n]
            bar = BARS.get((mode, contender)) if n == N else None
            above = bar is not None and ours > bar * theirs
            good = good and not above
            verdict = "" if bar is None else f"{bar:.2f} {'ABOVE' if above else 'ok'}"
            print(f"{f'{mode}/{contender}/{n}':<28} {ours:>19.2f} {theirs:>12.2f} {ours / theirs:>6.2f}  {verdict}".rstrip())
            rows.append({"name": f"{mode}/{contender}/{n}", "instructions_per_branch": ours, "ratio": ours / theirs,
                         "bar": bar})
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(rows, file, indent=2)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
