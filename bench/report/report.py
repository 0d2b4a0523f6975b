# SPDX-License-Identifier: BSL-1.0
"""The benchmarks as a report: python3 report.py RESULT --output DIR [--against OLD] [--instructions FILE] [--frontend FILE]

RESULT is what Google Benchmark wrote with --benchmark_out, with every repetition; FILE is what count.py and frontend.py write with
--json. DIR gets

    report.html   everything in one file, without network
    report.md     the same as Markdown, with the charts beside it as *.svg
    result.json   RESULT completed with the other files: the OLD of a later --against

Exit status: 0; 1 if --against finds that instructions per branch rose by more than --threshold percent; 2 if something cannot be
read, drawn or written, or OLD has instruction counts that RESULT lacks. Times never fail anything. The charts need matplotlib.
"""
import argparse
import json
import pathlib
import sys

sys.dont_write_bytecode = True  # leaves nothing beside the sources
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import compare  # noqa: E402
import model as model_  # noqa: E402
import pages  # noqa: E402
import reading  # noqa: E402
import rivals  # noqa: E402
import text  # noqa: E402
import verdicts  # noqa: E402
from cells import Cells  # noqa: E402


def import_plots():
    try:
        import plots
    except ImportError as error:
        raise reading.Mistake(f"{sys.executable} has no matplotlib, which draws the charts (Debian and Ubuntu: apt install "
                              f"python3-matplotlib, for /usr/bin/python3): {error}.") from error
    return plots


def percent(word):
    value = float(word)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError("a percentage of at least 0 is needed")
    return value


def print_table(head, rows):
    widths = [max(len(line[column]) for line in [head, *rows]) for column in range(len(head))]
    for line in [head, *rows]:
        print("  ".join(f"{word:>{width}}" for word, width in zip(line, widths)).rstrip())


def make(arguments):
    """Writes the report and returns the exit status."""
    result = reading.read_result(arguments.result, arguments.instructions, arguments.frontend)
    runs, notes = reading.runs_of(result, arguments.result)
    transfer = reading.transfer_of(result, arguments.result)
    hand_over = reading.hand_over_of(result, arguments.result)
    if arguments.against is not None:  # read before anything is written: it may be the result.json that is replaced
        old = reading.read_result(arguments.against)
        old_runs, _ = reading.runs_of(old, arguments.against)
    reading.make_folder(arguments.output)
    plots = import_plots()

    cells, processors = Cells(runs), text.processors_of(result)
    judged = verdicts.verdicts(cells, processors)
    model = model_.make(cells, transfer, processors)
    blocks = text.introduction(result, notes)
    said, status = "", 0
    if arguments.against is not None:
        compared = compare.compare(old, Cells(old_runs), result, cells, arguments.threshold)
        said, status = compare.sentence(compared, arguments.threshold)
        blocks += text.comparison(compared, said, arguments.threshold, status)
    pictures = plots.draw(cells, result, None if isinstance(model, str) else model, processors)
    families = cells.values("family")
    if "strategy" in families:
        blocks += text.strategies(judged)
    if "operation" in families:
        blocks += text.whole(cells, pictures, hand_over)
    if "strategy" in families:
        blocks += text.counts(cells, pictures, hand_over) + text.scaling(model, pictures)
    blocks += text.memory(cells, pictures) + text.counted(result, pictures)

    for picture in pictures:
        reading.write(arguments.output, f"{picture.name}.svg", picture.svg)
    reading.write(arguments.output, "report.md", pages.to_markdown(blocks))
    reading.write(arguments.output, "report.html", pages.to_html(text.TITLE, blocks))
    reading.write(arguments.output, "result.json", json.dumps(result, indent=1) + "\n")

    for note in notes:
        print(note)
    for said_of_rivals in filter(None, (rivals.sentence(cells, league) for league in rivals.LEAGUES)):
        print(said_of_rivals)
    if "strategy" in families:
        for verdict in judged:
            print(f"{verdict.name}: {verdict.text}")
        print()
        if isinstance(model, str):
            print(model)
        else:
            print(f"flat and sharded, {model.pattern}, N = {model.n}, ns per release: the model beside the measurement")
            print_table(text.MODEL_HEAD, text.model_rows(model))
    if said:
        print(said, file=sys.stderr if status else sys.stdout)
    print(f"Written: {pathlib.Path(arguments.output) / 'report.html'}")
    return status


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result")
    parser.add_argument("--output", required=True, metavar="DIR", help="where the report goes")
    parser.add_argument("--against", metavar="OLD", help="the result.json of an older report")
    parser.add_argument("--threshold", type=percent, default=compare.THRESHOLD, metavar="PERCENT",
                        help="how much instructions may rise (default: %(default)g)")
    parser.add_argument("--instructions", metavar="FILE", help="what bench/instructions/count.py wrote with --json")
    parser.add_argument("--frontend", metavar="FILE", help="what bench/frontend/frontend.py wrote with --json")
    arguments = parser.parse_args(words)
    try:
        return make(arguments)
    except reading.Mistake as mistake:
        print(f"report.py: {mistake}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
