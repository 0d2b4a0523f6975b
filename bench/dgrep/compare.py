#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Compares dgrep with ripgrep and GNU grep, which count matching lines.

usage: compare.py DGREP LOGS FOLDER [REPETITIONS]

LOGS is a folder of real logs; what of it is not packed is put together, again and again, to some 500 MB in FOLDER, in eight files of
four hosts. Three search them with one thread each, and dgrep also with one for each processor, which is how it runs unless it is told
otherwise. They run in turns; what counts is the fastest time of each, and the ratios. Whoever counts other lines than the others is
named.
"""
import math
import os
import subprocess
import sys
import time

PATTERNS = [
    ("a literal, rare", "Accepted publickey"),
    ("a literal, dense", "INFO"),
    ("one of five", "ZK expired|Leader not|session timeout|broken pipe|Rolled new"),
    ("with required texts", "ip.*(failed|invalid|refused)"),
    ("with an end", "Exception: [a-z ]+$"),
    ("without any text", "[q-z]{13}[0-9]{9}"),
    ("a literal, absent", "NoSuchThingAtAll"),
]
SIZE = 500_000_000
FILES = [os.path.join(f"host{i // 2}", f"{i % 2}.log") for i in range(8)]
# Who is to be, at least, how many times as fast as whom: in the geometric mean, and each.
BARS = {("dgrep -j1", "rg"): (0.6, 0.4), ("dgrep -j1", "grep"): (None, None), ("dgrep", "grep"): (3.0, 0.0)}


def make_logs(logs, folder):
    """The paths of the eight files."""
    paths = [os.path.join(folder, name) for name in FILES]
    if all(os.path.exists(path) for path in paths) and sum(map(os.path.getsize, paths)) >= SIZE * 0.9:
        return paths
    parts = []
    for below, _, names in sorted(os.walk(logs)):
        for name in sorted(names):
            with open(os.path.join(below, name), "rb") as f:
                content = f.read()
            if content[:2] != b"\x1f\x8b" and content[:3] != b"BZh" and content[:4] != b"\x28\xb5\x2f\xfd":
                parts.append(content if content.endswith(b"\n") else content + b"\n")
    if not parts:
        sys.exit(f"compare.py: there are no logs in {logs}")
    whole = b"".join(parts)
    for path in paths:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as to:
            for _ in range(-(-SIZE // len(paths) // len(whole))):
                to.write(whole)
    return paths


def timed(command):
    before = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"})
    seconds = time.perf_counter() - before
    if done.returncode > 1:
        sys.exit(f"compare.py: {command[0]} failed: {done.stderr.decode(errors='replace')}")
    return seconds, sum(int(line.rsplit(b":", 1)[-1]) for line in done.stdout.splitlines())


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    dgrep, logs, folder = sys.argv[1:4]
    repetitions = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    paths = make_logs(logs, folder)
    hosts = sorted({os.path.dirname(path) for path in paths})
    print(f"{sum(map(os.path.getsize, paths)) / 1e6:.0f} MB in {len(paths)} files; {os.cpu_count()} processors, load "
          f"{os.getloadavg()[0]:.1f}; fastest of {repetitions}, in ms\n")
    print(f"{'':22}{'lines':>9}{'dgrep -j1':>10}{'rg':>8}{'grep':>8}{'dgrep':>8}" +
          "".join(f"{f'{who} : {other}':>18}" for who, other in BARS))
    ratios = {pair: [] for pair in BARS}
    for name, pattern in PATTERNS:
        commands = {
            "dgrep -j1": [dgrep, "-j1", "-c", "-e", pattern, *hosts],
            "rg": ["rg", "--no-mmap", "-j1", "-ac", "-e", pattern, *paths],
            "grep": ["grep", "-acE", "-e", pattern, *paths],
            "dgrep": [dgrep, "-c", "-e", pattern, *hosts],
        }
        best, counts = {}, {}
        for _ in range(repetitions):
            for who, command in commands.items():
                seconds, counts[who] = timed(command)
                best[who] = min(seconds, best.get(who, math.inf))
        for (who, other), of in ratios.items():
            of.append(best[other] / best[who])
        odd = "" if len(set(counts.values())) == 1 else f"  COUNTS DIFFER: {counts}"
        print(f"{name:22}{counts['dgrep']:>9}{best['dgrep -j1'] * 1e3:>10.0f}" +
              "".join(f"{best[who] * 1e3:>8.0f}" for who in ("rg", "grep", "dgrep")) +
              "".join(f"{of[-1]:>18.2f}" for of in ratios.values()) + odd)
    print()
    for (who, other), of in ratios.items():
        mean = math.exp(sum(map(math.log, of)) / len(of))
        mean_bar, each_bar = BARS[who, other]
        said = f"{who} is {mean:.2f} times as fast as {other} in the mean, and {min(of):.2f} at the worst"
        if mean_bar is not None:
            said += f" (at least {mean_bar} and {each_bar})"
            if mean < mean_bar or min(of) < each_bar:
                said += "  BELOW"
        print(said)


main()
