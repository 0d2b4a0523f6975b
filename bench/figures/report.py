# SPDX-License-Identifier: BSL-1.0
"""The figures as ratios to the hand-written C: python3 report.py RESULT [--allocations FILE] [--merge KEY=FILE]...

RESULT is what Google Benchmark wrote with --benchmark_out, with every repetition. The file is completed: each entry
gets its `allocations`, and the JSON of the other measurements is added under its key. Times never fail a build: a figure
above its bar is marked, one that varies too much to tell likewise, and the exit status is 0.
"""
import argparse
import json
import statistics

# (mode, contender, N): at most this times the hand-written C, by the medians.
BARS = {
    ("inline_c", "fanout", 256): 0.38,
    ("inline", "fanout", 256): 0.50,
    ("inline", "fanout", 1): 0.70,
    ("inline", "fanout_c", 256): 0.65,
    ("deferred", "fanout", 256): 1.05,
    ("deferred", "fanout_c", 256): 1.05,
    ("deferred", "fanout_local", 256): 0.60,
    ("cross", "fanout", 256): 1.05,
    ("cross", "fanout_c", 256): 1.12,
}
# (slowest - fastest) / median of the repetitions, of either side: beyond this the machine was busy, and nothing is said.
MOST_SPREAD = 1.0
ALLOCATIONS = {"fanout": 1, "fanout_c": 1, "fanout_local": 1, "embedded": 0}


def read_allocations(path):
    """Lines of the form: mode/contender/N count"""
    with open(path) as file:
        lines = (line.split() for line in file if line.count("/") == 2)
        return {words[0]: int(words[1]) for words in lines}


def nanoseconds_per_branch(entries):
    """name -> the repetitions, in processor time: that of this thread, which in `cross` spins until the other is done."""
    times = {}
    to_nanoseconds = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
    for entry in entries:
        if entry.get("run_type") != "iteration" or entry.get("error_occurred") or entry["run_name"].count("/") != 2:
            continue
        if entry["run_name"].startswith(("merge_", "option_", "stop_")):  # reported by the ratio.py beside them
            continue
        mode, contender, n = entry["run_name"].split("/")
        if contender != "handwritten" and contender not in ALLOCATIONS:
            continue
        clock = "real_time" if mode == "cross" else "cpu_time"
        time = entry[clock] * to_nanoseconds[entry["time_unit"]] / int(n)
        times.setdefault((mode, contender, int(n)), []).append(time)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result")
    parser.add_argument("--allocations")
    parser.add_argument("--merge", action="append", default=[], metavar="KEY=FILE")
    arguments = parser.parse_args()

    with open(arguments.result) as file:
        result = json.load(file)
    allocations = read_allocations(arguments.allocations) if arguments.allocations else {}
    for entry in result["benchmarks"]:
        if entry["run_name"] in allocations:
            entry["allocations"] = allocations[entry["run_name"]]
    for merge in arguments.merge:
        key, _, path = merge.partition("=")
        with open(path) as file:
            result[key] = json.load(file)

    times = nanoseconds_per_branch(result["benchmarks"])
    missed, noisy, table = [], [], []
    print(f"{'mode/contender/N':<28} {'ns/branch':>9} {'handwritten':>11} {'ratio':>6} {'of min':>6} {'spread':>6} "
          f"{'allocations':>11}  bar")
    order = ["inline_c", "inline", "deferred", "cross", *ALLOCATIONS]
    for (mode, contender, n), ours in sorted(times.items(), key=lambda item: [
            order.index(word) if word in order else -1 for word in item[0][:2]] + [item[0][2]]):
        theirs = times.get((mode, "handwritten", n))
        if contender == "handwritten" or not theirs:
            continue
        name = f"{mode}/{contender}/{n}"
        median, baseline = statistics.median(ours), statistics.median(theirs)
        ratio = median / baseline
        bar = BARS.get((mode, contender, n))
        spread = max((max(side) - min(side)) / statistics.median(side) for side in (ours, theirs))
        verdict = ""
        if bar is not None:
            verdict = f"{bar:.2f} " + ("NOISE" if spread > MOST_SPREAD else "ABOVE" if ratio > bar else "ok")
        made = allocations.get(name)
        if made is not None and made != ALLOCATIONS[contender]:
            verdict += " ALLOCATES"
        if verdict.endswith(("ABOVE", "ALLOCATES")):
            missed.append(name)
        elif verdict.endswith("NOISE"):
            noisy.append(name)
        print(f"{name:<28} {median:>9.2f} {baseline:>11.2f} {ratio:>6.2f} {min(ours) / min(theirs):>6.2f} "
              f"{spread:>6.0%} {'' if made is None else made:>11}  {verdict}".rstrip())
        table.append({"name": name, "ratio": ratio, "bar": bar, "ns_per_branch": median})
    print()
    if missed:
        print("ABOVE the bar: " + ", ".join(missed))
    if noisy:
        print("NOISE, measure again on an idle machine: " + ", ".join(noisy))
    if not missed and not noisy:
        print("Every figure is within its bar." if any(row["bar"] for row in table) else "Nothing here has a bar.")
    result["figures"] = table
    with open(arguments.result, "w") as file:
        json.dump(result, file, indent=2)


if __name__ == "__main__":
    main()
