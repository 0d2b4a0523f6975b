#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Compares dgrep with ripgrep and GNU grep, each counting matching lines with one thread over the same file.

usage: compare.py DGREP LOGS FOLDER [REPETITIONS]

LOGS is a folder of real logs; what of it is not packed is put together, again and again, to a file of some 500 MB in FOLDER. The three
run in turns; what counts is the fastest time of each, and the ratios. Whoever counts other lines than the others is named.
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
# What each is to be, at least, times as fast as the other: the geometric mean, and each.
BARS = {"rg": (0.6, 0.4), "grep": (3.0, 0.0)}


def make_log(logs, path):
    if os.path.exists(path) and os.path.getsize(path) >= SIZE * 0.9:
        return
    parts = []
    for folder, _, names in sorted(os.walk(logs)):
        for name in sorted(names):
            with open(os.path.join(folder, name), "rb") as f:
                content = f.read()
            if content[:2] != b"\x1f\x8b" and content[:3] != b"BZh" and content[:4] != b"\x28\xb5\x2f\xfd":
                parts.append(content if content.endswith(b"\n") else content + b"\n")
    if not parts:
        sys.exit(f"compare.py: there are no logs in {logs}")
    size = sum(map(len, parts))
    with open(path, "wb") as to:
        for _ in range(max(1, SIZE // size)):
            to.writelines(parts)


def timed(command):
    before = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"})
    seconds = time.perf_counter() - before
    if done.returncode > 1:
        sys.exit(f"compare.py: {command[0]} failed: {done.stderr.decode(errors='replace')}")
    last = done.stdout.split(b":")[-1].strip()
    return seconds, int(last or 0)


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    dgrep, logs, folder = sys.argv[1:4]
    repetitions = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    os.makedirs(os.path.join(folder, "host"), exist_ok=True)
    log = os.path.join(folder, "host", "big.log")
    make_log(logs, log)
    print(f"{os.path.getsize(log) / 1e6:.0f} MB; load {os.getloadavg()[0]:.1f}; fastest of {repetitions}, in ms\n")
    print(f"{'':22}{'lines':>9}{'dgrep':>8}{'rg':>8}{'grep':>8}{'x rg':>8}{'x grep':>8}")
    ratios = {"rg": [], "grep": []}
    for name, pattern in PATTERNS:
        commands = {
            "dgrep": [dgrep, "-j1", "-c", "-e", pattern, "host=" + os.path.join(folder, "host")],
            "rg": ["rg", "--no-mmap", "-j1", "-ac", "-e", pattern, log],
            "grep": ["grep", "-acE", "-e", pattern, log],
        }
        best, counts = {}, {}
        for _ in range(repetitions):
            for who, command in commands.items():
                seconds, counts[who] = timed(command)
                best[who] = min(seconds, best.get(who, math.inf))
        for other, of in ratios.items():
            of.append(best[other] / best["dgrep"])
        odd = "" if len(set(counts.values())) == 1 else f"  COUNTS DIFFER: {counts}"
        print(f"{name:22}{counts['dgrep']:>9}" + "".join(f"{best[w] * 1e3:>8.0f}" for w in commands) +
              f"{ratios['rg'][-1]:>8.2f}{ratios['grep'][-1]:>8.2f}{odd}")
    print()
    for other, of in ratios.items():
        mean = math.exp(sum(map(math.log, of)) / len(of))
        mean_bar, each_bar = BARS[other]
        above = "" if mean >= mean_bar and min(of) >= each_bar else "  BELOW"
        print(f"{other}: {mean:.2f} times as fast in the mean (at least {mean_bar}), {min(of):.2f} at the worst"
              f" (at least {each_bar}){above}")


main()
