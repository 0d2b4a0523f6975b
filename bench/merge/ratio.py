# SPDX-License-Identifier: BSL-1.0
"""The merge as ratios to a bare loser tree: python3 ratio.py RESULT

RESULT is what Google Benchmark wrote with --benchmark_out, with every repetition:

    fanout_bench --benchmark_filter=^merge_ --benchmark_repetitions=9 --benchmark_enable_random_interleaving=true \\
      --benchmark_out=RESULT --benchmark_out_format=json

Ratios are those of the medians; in parentheses those of the fastest repetitions, which a busy machine disturbs less. Times
never fail a build: a figure whose fastest repetitions are beyond its bar is marked, and the exit status is 0.
"""
import argparse
import json
import statistics

# (data, k): fanout and the whole operation take at most this times the bare tree, and std::priority_queue at least that times
# either.
BARS = {("interleaved", 64): (1.2, 1.5)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result")
    with open(parser.parse_args().result) as file:
        entries = json.load(file)["benchmarks"]
    times = {}
    for entry in entries:
        name = entry["run_name"]
        if entry.get("run_type") != "iteration" or entry.get("error_occurred") or not name.startswith("merge_"):
            continue
        data, contender, k = name.removeprefix("merge_").split("/")
        times.setdefault((data, int(k)), {}).setdefault(contender, []).append(entry["per_item"] * 1e9)

    print(f"{'data/k':<18} {'bare':>6} {'fanout':>6} {'order':>6} {'whole':>6} {'queue':>6}  "
          f"{'fanout/bare':>14} {'whole/bare':>14} {'queue/fanout':>14} {'queue/whole':>14} {'queue/order':>14}   nanoseconds per item")

    def ratio(runs, one, other, of):
        return of(runs[one]) / of(runs[other])

    def both(runs, one, other):
        return f"{ratio(runs, one, other, statistics.median):7.2f} ({ratio(runs, one, other, min):.2f})"

    for (data, k), runs in sorted(times.items()):
        if len(runs) != 5:
            continue
        medians = " ".join(f"{statistics.median(runs[name]):6.2f}"
                           for name in ("bare", "fanout", "fanout_order", "operation", "priority_queue"))
        verdict = ""
        if (data, k) in BARS:
            at_most, at_least = BARS[data, k]
            met = all(ratio(runs, ours, "bare", min) <= at_most and ratio(runs, "priority_queue", ours, min) >= at_least
                      for ours in ("fanout", "operation"))
            verdict = f"<= {at_most}, >= {at_least}: " + ("ok" if met else "MISSED")
        print(f"{f'{data}/{k}':<18} {medians}  {both(runs, 'fanout', 'bare'):>14} {both(runs, 'operation', 'bare'):>14} "
              f"{both(runs, 'priority_queue', 'fanout'):>14} {both(runs, 'priority_queue', 'operation'):>14} "
              f"{both(runs, 'priority_queue', 'fanout_order'):>14}   {verdict}".rstrip())


if __name__ == "__main__":
    main()
