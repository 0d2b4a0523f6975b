# SPDX-License-Identifier: BSL-1.0
"""Instructions per branch, counted by callgrind: python3 instructions.py PROGRAM [--json FILE] [--against FILE] [ARGUMENT...]

PROGRAM is one that links fanout::bench; the arguments are its own (--contenders, --patterns, --branches). Counted is one round on
one thread: from making the operation to the end of its completion, including malloc and the null operations. Patterns with
several threads are left out, since waiting is done by spinning. With --against, a FILE that --json wrote with the same compiler, the
exit status is 1 if a count rose by more than --threshold percent, and 2 if one of FILE's is not there any more. It is 77 where there
is no valgrind.
"""
import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
NAME = re.compile(r"^(strategy|operation)/([^/]+)/([^/]+)/n:(\d+)/work:(\d+)/threads:(\d+)$")


def count(program, arguments):
    """name -> instructions of one round."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out")
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--toggle-collect=fanout_bench_measured",
             program, "--callgrind", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if run.returncode != 0:
            sys.exit(f"{program} failed under callgrind:\n{run.stdout}")
        counts = {}
        # A dump for each round, which says whose it is. With several threads a dump has a file for each of them.
        for path in glob.glob(out + ".*"):
            with open(path) as profile:
                text = profile.read()
            name = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.MULTILINE)
            total = re.search(r"^totals: (\d+)", text, re.MULTILINE)
            if name and total:
                counts[name[1]] = counts.get(name[1], 0) + int(total[1])
        return counts


def read(path):
    """name -> instructions per branch, of a file that --json wrote."""
    try:
        with open(path) as file:
            return {row["name"]: row["instructions_per_branch"] for row in json.load(file)}
    except (OSError, ValueError, TypeError, KeyError) as error:
        sys.exit(f"{path} is not what --json writes: {error}")


def hold(rows, older, path, threshold):
    """The exit status of --against."""
    newer = {row["name"]: row["instructions_per_branch"] for row in rows}
    gone = sorted(older.keys() - newer.keys())
    for name in gone:
        print(f"{name} is in {path} and was not counted now: ask for the same patterns, sizes and contenders, or write a new file")
    risen = [name for name in sorted(older.keys() & newer.keys()) if newer[name] > older[name] * (1 + threshold / 100)]
    for name in risen:
        print(f"{name} ROSE from {older[name]:.2f} to {newer[name]:.2f} instructions per branch")
    print(f"{len(risen)} of {len(older) - len(gone)} counts rose by more than {threshold:g} % since {path}")
    return 2 if gone else 1 if risen else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--json", help="write the counts there as well")
    parser.add_argument("--against", help="older counts, to which these are held")
    parser.add_argument("--threshold", type=float, default=2.0, metavar="PERCENT", help="how much they may rise (%(default)g)")
    known, arguments = parser.parse_known_args()
    older = read(known.against) if known.against else None
    if shutil.which("valgrind") is None:
        print("SKIPPED: valgrind is not installed (Debian and Ubuntu: apt install valgrind)")
        return SKIPPED
    counts = count(known.program, arguments or ["--branches=1,256"])
    if not counts or 0 in counts.values():
        sys.exit("callgrind has collected nothing; is <valgrind/callgrind.h> there when the harness is built?")
    rows = []
    print(f"{'name':<64} {'instructions/branch':>19} {'to handwritten':>14}")
    for name, total in sorted(counts.items()):
        family, pattern, _, n, work, threads = NAME.match(name).groups()
        yardstick = counts.get(f"{family}/{pattern}/handwritten/n:{n}/work:{work}/threads:{threads}")
        ratio = total / yardstick if yardstick else None
        print(f"{name:<64} {total / int(n):>19.2f} {'' if ratio is None else f'{ratio:.2f}':>14}".rstrip())
        rows.append({"name": name, "instructions_per_branch": total / int(n), "ratio": ratio})
    if known.json:
        with open(known.json, "w") as file:
            json.dump(rows, file, indent=2)
            file.write("\n")
    return 0 if older is None else hold(rows, older, known.against, known.threshold)


if __name__ == "__main__":
    sys.exit(main())
