#SPDX - License - Identifier : BSL - 1.0
"""What options cost per branch, as a table: python3 ratio.py RESULT [--json FILE]

RESULT is what Google Benchmark wrote with --benchmark_out, with every repetition:

    fanout_bench --benchmark_filter='^(option|stop)_' --benchmark_repetitions=9 --benchmark_enable_random_interleaving=true \\
      --benchmark_out=RESULT --benchmark_out_format=json

Ratios are those of the medians, to the plain operation of the same mode. Times never fail a build: a figure above its bar is
marked, and the exit status is 0.
"""
import argparse
import json
import statistics

#(numerator, denominator) : at most this.
BARS = {
    (("inline", "reduce"), ("inline", "settle")): 2.0,
    (("deferred", "reduce"), ("deferred", "settle")): 2.0,
    (("stop_1000", "operation"), ("stop_1000", "bare loop")): 3.0,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result")
    parser.add_argument("--json", help="write the ratios there as well")
    arguments = parser.parse_args()
    with open(arguments.result) as file:
        entries = json.load(file)["benchmarks"]
    times = {}
    for entry in entries:
        name = entry["run_name"]
        if entry.get("run_type") != "iteration" or entry.get("error_occurred"):
            continue
        if name.startswith("option_"):
            mode, option = name.removeprefix("option_").split("/", 1)
            times.setdefault((mode, option), []).append(entry["per_branch"] * 1e9)
        elif name.startswith("stop_"):
            mode, option = name.split("/")[:2]
            times.setdefault((mode, option), []).append(entry["real_time"])
    median = {key: statistics.median(values) for key, values in times.items()}

    print(f"{'option':<22} {'inline ns':>9} {'ratio':>6}   {'deferred ns':>11} {'ratio':>6}   per branch, N = 256")
    options = {option for mode, option in median if mode in ("inline", "deferred")}
    for option in sorted(options, key=lambda o: (o != "plain", o)):
        row = f"{option:<22}"
        for mode, width in (("inline", 9), ("deferred", 11)):
            one, plain = median.get((mode, option)), median.get((mode, "plain"))
            row += f" {one:{width}.2f} {one / plain:6.2f}  " if one and plain else " " * (width + 10)
        print(row.rstrip())

    for (above, below), bar in BARS.items():
        if above in median and below in median:
            ratio = median[above] / median[below]
            verdict = "ok" if ratio <= bar else "ABOVE"
            print(f"{'/'.join(above)} against {'/'.join(below)}: {ratio:.2f} (at most {bar}) {verdict}")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"/".join(key): value for key, value in median.items()}, file, indent=1)


if __name__ == "__main__":
    main()
