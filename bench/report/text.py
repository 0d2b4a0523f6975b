# SPDX-License-Identifier: BSL-1.0
"""What the report says: the blocks of pages.py, in their order."""
import cells as cells_
import model as model_
import rivals
import verdicts
from cells import order
from compare import CHANGED
from pages import Bullets, Chart, Details, Heading, Paragraph, Table, Verbatim
from reading import REFERENCE, Key, is_count

TITLE = "fanout: benchmark report"
BUSY_LOAD = 0.5  # per processor, when the run began


def processors_of(result):
    """As many as the harness may use; otherwise as many as there are."""
    for key in ("fanout_processors", "num_cpus"):
        number = str(result["context"].get(key, ""))
        if number.isdecimal() and int(number) > 0:
            return int(number)
    return 1


def introduction(result, notes):
    context, load = result["context"], result["context"].get("load_avg")
    load = load if isinstance(load, list) and all(map(is_count, load)) else []
    words = {"compiler": "fanout_compiler", "flags": "fanout_flags", "machine": "fanout_machine", "date": "date"}
    rows = [["processors", str(processors_of(result))]]
    rows += [[word, str(context[key])] for word, key in words.items() if context.get(key) not in (None, "")]
    if load:
        rows.append(["load at the start", " ".join(f"{one:.2f}" for one in load)])
    blocks = [Heading(1, TITLE), Table(["what", "on what"], rows)]
    if load and load[0] > BUSY_LOAD * processors_of(result):
        notes = [f"The machine was busy when the run began: a load of {load[0]:.2f} on {processors_of(result)} processors. "
                 "What that disturbed is marked.", *notes]
    blocks += [Paragraph(note, loud=True) for note in notes]
    blocks.append(Paragraph(
        "Times are medians of the repetitions, in nanoseconds per branch. A ratio is that of the medians, to `handwritten` for "
        "whole fan-outs and to `atomic` for bare counts, of the same run; in parentheses that of the undisturbed repetitions: the "
        "fastest ones on one thread, the lower quartiles on several. ~: the machine was busy, since the quartiles are more than "
        f"{cells_.MOST_SPREAD:.0%} of the median apart, or the two ratios differ by more than a factor of "
        f"{cells_.MOST_DISAGREEMENT:g}. ?: fewer than {cells_.FEWEST} repetitions."))
    return blocks


def strategies(judged):
    return [Heading(2, "Which strategy"),
            Table(["strategy", "verdict", "measured, times `atomic`", "can and cannot"],
                  [[f"`{v.name}`", v.text, v.measured, v.can] for v in judged]),
            Details("The rules behind the verdicts", [Bullets(list(verdicts.RULES))])]


def charts(pictures, *names):
    return [Chart(picture) for name in names for picture in pictures if picture.name == name]


def ratio_tables(cells, family, hand_over):
    """A table for each pattern, work and threads, folded away; what it takes to hand a round over to so many threads is in all of
    their figures."""
    found = []
    for pattern in cells.values("pattern", family=family):
        for work in cells.values("work", family=family, pattern=pattern):
            for threads in cells.values("threads", family=family, pattern=pattern, work=work):
                here = {"family": family, "pattern": pattern, "work": work, "threads": threads}
                sizes = cells.values("n", **here)
                rows = []
                for contender in sorted(cells.values("contender", **here), key=order):
                    row = [f"`{contender}`"]
                    for n in sizes:
                        cell = cells.by_key.get(Key(**here, contender=contender, n=n))
                        ratio = cell and cells.ratio(cell.key)
                        own = cell and contender == REFERENCE[family]
                        row.append("" if not cell else f"{cell.median:.2f}" + (
                            cell.mark if own or not ratio else f" · {ratio}"))
                    rows.append(row)
                if threads > 1 and threads in hand_over:
                    rows.append(["the hand-over alone", *(f"{hand_over[threads] / n:.2f}" for n in sizes)])
                found.append(Details(f"{pattern}, {threads} thread{'s' * (threads != 1)}, {work} ns of work",
                                     [Table(["ns per branch · ratio (undisturbed)", *(f"N = {n}" for n in sizes)], rows)]))
    return found


def against_others(cells):
    blocks = []
    for league in rivals.LEAGUES:
        rows = rivals.rows(cells, league)
        sizes = sorted({n for row in rows for n in row.against})
        if rows:
            blocks.append(Paragraph(f"`{league.ours}`, {league.what}:"))
            blocks.append(Table(["", *(f"N = {n}" for n in sizes)], [
                [f"{row.pattern}, {row.threads} thread{'s' * (row.threads != 1)}" + (f", {row.work} ns of work" if row.work else ""),
                 *("{} `{}`".format(*row.against[n]) if n in row.against else "" for n in sizes)] for row in rows]))
    if not blocks:
        return []
    return [Heading(3, "Against the fastest of the others"),
            Paragraph("Ratios to whichever of the others was the fastest there, which is named; below 1 the library is faster. With "
                      "several threads the others are those that have none of their own."),
            *blocks]


def whole(cells, pictures, hand_over):
    return [Heading(2, "Whole fan-outs"), *against_others(cells),
            *charts(pictures, "operation_n", "peers_n", "forms_n", "operation_distribution", "operation_contention"),
            Heading(3, "Times and ratios to `handwritten`"), *ratio_tables(cells, "operation", hand_over)]


def counts(cells, pictures, hand_over):
    return [Heading(2, "The bare count"),
            *charts(pictures, "strategy_contention", "strategy_n", "strategy_distribution"),
            Heading(3, "Times and ratios to `atomic`"), *ratio_tables(cells, "strategy", hand_over)]


def memory(cells, pictures):
    blocks = [Heading(2, "Allocations"), *charts(pictures, "allocations")]
    for pattern in cells.values("pattern", family="operation"):
        rows = {}
        for cell in cells.select(family="operation", pattern=pattern):
            if cell.allocations is not None:
                rows.setdefault(cell.key.contender, {})[cell.key.n] = (
                    f"{cell.allocations:g}" + (f" ({cell.bytes:g} bytes)" if cell.bytes is not None else ""))
        sizes = sorted({n for row in rows.values() for n in row})
        if rows:
            blocks.append(Details(f"Allocations of one fan-out, {pattern}", [
                Table(["contender", *(f"N = {n}" for n in sizes)],
                      [[f"`{name}`", *(rows[name].get(n, "") for n in sizes)] for name in sorted(rows, key=order)])]))
    return blocks if len(blocks) > 1 else [*blocks, Paragraph("Not counted in this run.")]


def counted(result, pictures):
    blocks = [Heading(2, "Instructions"), *charts(pictures, "instructions")]
    rows = result.get("instructions", [])
    if rows:
        blocks.append(Details("All counts", [Table(["instructions per branch", "count", "ratio", "bar"], [
            [f"`{row['name']}`", f"{row['instructions_per_branch']:.2f}", f"{row['ratio']:.2f}" if row.get("ratio") else "",
             f"{row['bar']:.2f}" if row.get("bar") else ""] for row in rows])]))
    else:
        blocks.append(Paragraph("Not counted in this run."))
    blocks += [Heading(2, "Compile cost"), *charts(pictures, "compile_cost")]
    rows = result.get("frontend", [])
    if rows:
        table = Table(["compiler", "included", "ms", "ratio"], [
            [row["compiler"], f"`{row['included']}`", f"{row['seconds'] * 1e3:.0f}",
             f"{row['ratio']:.2f}" if row.get("ratio") else ""] for row in rows])
        blocks.append(Details("All headers", [table]) if len(rows) > 12 else table)
    else:
        blocks.append(Paragraph("Not measured in this run."))
    return blocks


def span(values, form="{:.1f}"):
    """(low, median, high) as: median (low to high)"""
    low, median, high = (form.format(value) for value in values)
    return median if low == high else f"{median} ({low} to {high})"


def beside(predicted, cell):
    """Prediction, measurement and their ratio."""
    return [span(predicted), *([f"{cell.median:.1f}{cell.mark}", f"{predicted[1] / cell.median:.2f}"] if cell else ["", ""])]


def model_rows(model):
    return [[f"{row.work}", f"{row.threads}", *beside(row.flat, row.flat_measured), *beside(row.sharded, row.sharded_measured)]
            for row in model.rows()]


MODEL_HEAD = ["work, ns", "threads", "flat, predicted", "measured", "ratio", "sharded, predicted", "measured", "ratio"]


def start_rows(model):
    rows = []
    for n, nominal, work, *starts in model.starts():
        by_least, by_middle, by_largest = ("not up to 256" if start is None else f"{start}" for start in starts)
        rows.append([f"{n}", f"{model_.shards(n)}", f"{nominal}", f"{work:.1f}", by_middle, by_largest, by_least])
    return rows


def sureness(model):
    low, middle, high = model.transfer
    words = []
    if model.measured:
        words.append(f"Moving a cache line costs {span(model.measured)} ns, as the harness measured it.")
    if model.second:
        words.append(f"A flat count without work on several threads takes {span(model.second)} ns, which by the model is the same "
                     "quantity measured another way: a processor that makes several releases while it has the line pays less.")
    words.append(f"The ranges below come of {low:.1f} to {high:.1f} ns, which covers both, and of nothing else. The cost of a "
                 f"release on an own line is {model.t_0:.1f} ns.")
    worst = model.worst()
    if worst:
        outside, compared = model.outside()
        words.append(f"Where it could be compared, the prediction was off by a factor of {worst:.1f} at most, and {outside} of "
                     f"{compared} measurements lie outside of its range. (They include the hand-over to the threads, which it "
                     "leaves out.)")
    else:
        words.append("It could not be compared with any measurement on several processors.")
    words.append(f"This machine has {model.processors} processor{'s' * (model.processors != 1)}: what is said about more is "
                 "extrapolated from the cost of one line between two of them, and has not been seen. On several sockets lines take "
                 "longer to move, and sharding pays earlier.")
    return " ".join(words)


def scaling(model, pictures):
    blocks = [Heading(2, "More processors than here")]
    if isinstance(model, str):
        return [*blocks, Paragraph(model)]
    return [*blocks, *charts(pictures, "scaling"),
            Heading(3, "How sure"), Paragraph(sureness(model)),
            Heading(3, "Where sharding starts to pay"),
            Paragraph(f"The least number of processors from which on the prediction for `sharded` is at most {model_.PAYS:g} times "
                      "that for a flat count. The dearer it is to move a line, the earlier."),
            Table(["N", "shards", "work, ns", "taken as, ns", "from processors", "if moving a line is dearest", "if it is cheapest"],
                  start_rows(model)),
            Heading(3, "Prediction beside measurement"),
            Paragraph(f"`atomic` and `sharded`, {model.pattern}, N = {model.n}, ns per release. A ratio is prediction by "
                      "measurement."),
            Table(MODEL_HEAD, model_rows(model)),
            Details("The model", [Verbatim(model_.__doc__)])]


def comparison(compared, said, threshold, status):
    blocks = [Heading(2, "Against the older report"), Paragraph(said, loud=status != 0),
              *(Paragraph(note, loud=True) for note in compared.notes)]
    if compared.counts:
        rows = sorted(compared.counts, key=lambda count: -count.percent)
        blocks.append(Details(f"Instructions per branch, {len(rows)} counts; more than {threshold:g} % more fails", [
            Table(["name", "then", "now", "change", ""], [
                [f"`{count.name}`", f"{count.old:.2f}", f"{count.new:.2f}", f"{count.percent:+.1f} %",
                 "ROSE" if count.rose else ""] for count in rows])]))
    changed = [row for row in compared.times if not row[3].mark and not 1 / CHANGED < row[3].median < CHANGED]
    blocks.append(Paragraph(f"Times: {len(compared.times)} benchmarks are in both reports. {len(changed)} changed by more than "
                            f"{CHANGED - 1:.0%} and were measured on an idle machine. Times never fail anything."))
    if compared.times:
        blocks.append(Details("Times, what changed most first", [
            Table(["name", "ns then", "ns now", "now / then (undisturbed)"], [
                [f"`{key}`", f"{old.median:.2f}{old.mark}", f"{new.median:.2f}{new.mark}", str(ratio)]
                for key, old, new, ratio in compared.times])]))
    return blocks
