# SPDX-License-Identifier: BSL-1.0
"""The merge as ratios to a bare loser tree: python3 ratio.py RESULT

RESULT is what Google Benchmark wrote with --benchmark_out, with every repetition:

    fanout_bench --benchmark_filter=^merge_ --benchmark_repetitions=9 --benchmark_enable_random_interleaving=true \\
      --benchmark_out=RESULT --benchmark_out_format=json

Times never fail a build: a figure beyond its bar is marked, and the exit status is 0.
"""
import argparse
import json
import statistics

# (data, k): fanout takes at most this times the bare tree, and std::priority_queue at least that times fanout.
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

    print(f"{'data/k':<18} {'bare':>7} {'fanout':>7} {'order':>7} {'queue':>7}   "
          f"{'fanout/bare':>11} {'queue/fanout':>12} {'queue/order':>11}")
    for (data, k), runs in times.items():
        if len(runs) != 4:
            continue
        bare, ours, order, queue = (statistics.median(runs[name])
                                    for name in ("bare", "fanout", "fanout_order", "priority_queue"))
        at_most, at_least = BARS.get((data, k), (None, None))
        verdict = ""
        if at_most is not None:
            met = ours / bare <= at_most and queue / ours >= at_least
            verdict = f"<= {at_most} and >= {at_least}: " + ("ok" if met else "MISSED")
        print(f"{f'{data}/{k}':<18} {bare:>7.2f} {ours:>7.2f} {order:>7.2f} {queue:>7.2f}   "
              f"{ours / bare:>11.2f} {queue / ours:>12.2f} {queue / order:>11.2f}  {verdict}".rstrip())
    print("\nNanoseconds per item, medians of the repetitions.")


if __name__ == "__main__":
    main()
