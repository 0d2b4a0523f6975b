# SPDX-License-Identifier: BSL-1.0
"""The charts, drawn by matplotlib as SVG. Axes of times and sizes are logarithmic, so that equal ratios are equal distances."""
import matplotlib

import model as model_
import rivals
import styles
from cells import FORMS, STRATEGIES, order
from drawing import LOOK, Picture, bars, draw_line, legend, logarithmic, one_two_five, panels, to_svg
from reading import NAME, REFERENCE


def against_n(cells, family, processors, keep, what):
    """Nanoseconds per branch against N, a panel for each pattern; of the contenders that `keep` takes."""
    chosen = [cell for cell in cells.select(family=family) if keep(cell.key.contender)]
    titles, content = [], []
    for pattern in cells.values("pattern", family=family):
        work, threads = cells.plain(family, pattern, processors)
        shown = [c for c in chosen if (c.key.pattern, c.key.work, c.key.threads) == (pattern, work, threads)]
        if shown:
            titles.append(f"{pattern} ({threads} thread{'s' * (threads != 1)}{f', {work} ns of work' if work else ''})")
            content.append(shown)
    if not any(cell.key.contender != REFERENCE[family] for shown in content for cell in shown):
        return None
    figure, axes = panels(titles, 2, 4.6, 3.2)
    for axis, shown in zip(axes, content):
        for contender in sorted({cell.key.contender for cell in shown}, key=order):
            draw_line(axis, [cell for cell in shown if cell.key.contender == contender], lambda cell: cell.key.n)
        logarithmic(axis, {cell.key.n for cell in shown}, "branches N", "ns per branch")
    legend(figure, {cell.key.contender for shown in content for cell in shown})
    return figure, f"{what}: nanoseconds per branch against N", "Medians; the bars are the quartiles. Lower is better."


def contention(cells, family, processors):
    """Nanoseconds per branch against threads: a row for each amount of work, a column for each pattern."""
    titles, content = [], []
    patterns = [p for p in cells.values("pattern", family=family) if len(cells.values("threads", family=family, pattern=p)) > 1]
    for work in cells.values("work", family=family):
        for pattern in patterns:
            several = [c for c in cells.select(family=family, pattern=pattern, work=work)]
            if several:
                n = max(cell.key.n for cell in several)
                titles.append(f"{pattern}, {f'{work} ns of' if work else 'no'} work, N = {n}")
                content.append([cell for cell in several if cell.key.n == n])
    if not content:
        return None
    figure, axes = panels(titles, min(len(patterns), 4), 3.2, 2.8)
    for axis, shown in zip(axes, content):
        for contender in sorted({cell.key.contender for cell in shown}, key=order):
            draw_line(axis, [cell for cell in shown if cell.key.contender == contender], lambda cell: cell.key.threads)
        logarithmic(axis, {cell.key.threads for cell in shown}, "threads", "ns per branch")
        if max(cell.key.threads for cell in shown) > processors:
            axis.axvspan(processors * 1.05, axis.get_xlim()[1], color="#eeeeee", zorder=0)
    legend(figure, {cell.key.contender for shown in content for cell in shown})
    what = "The bare count" if family == "strategy" else "Whole fan-outs"
    return figure, f"{what} under contention: nanoseconds per branch against threads", (
        "Wall time of the whole fan-out by its branches: with twice the threads, half the time is perfect. Grey: more threads than "
        "processors, which take turns.")


def distribution(cells, family, processors):
    """Every repetition of each contender, at one N."""
    titles, content = [], []
    for pattern in cells.values("pattern", family=family):
        work, threads = cells.plain(family, pattern, processors)
        n = cells.size(family=family, pattern=pattern, work=work, threads=threads)
        titles.append(f"{pattern} (N = {n}, {threads} thread{'s' * (threads != 1)})")
        content.append(sorted(cells.select(family=family, pattern=pattern, work=work, threads=threads, n=n),
                              key=lambda cell: order(cell.key.contender), reverse=True))
    if not content:
        return None
    figure, axes = panels(titles, 2, 5.2, 0.9 + 0.21 * max(map(len, content)))
    for axis, shown in zip(axes, content):
        axis.boxplot([cell.times for cell in shown], vert=False, widths=0.6, showfliers=False, whis=(0, 100),
                     medianprops={"color": styles.BLACK}, boxprops={"color": "#999999"}, whiskerprops={"color": "#cccccc"},
                     capprops={"color": "#cccccc"})
        for row, cell in enumerate(shown, 1):
            colour, _ = styles.colour_and_marker(cell.key.contender)
            offsets = [row + 0.16 * ((number % 3) - 1) for number in range(len(cell.times))]
            axis.scatter(cell.times, offsets, s=9, color=colour, alpha=0.75, linewidths=0, zorder=3)
        axis.set_yticks(range(1, len(shown) + 1), [cell.key.contender + cell.mark for cell in shown])
        axis.set_xscale("log")
        one_two_five(axis.xaxis)
        axis.set_xlabel("ns per branch")
    what = "Bare counts" if family == "strategy" else "Whole fan-outs"
    return figure, f"{what}: every repetition, nanoseconds per branch", (
        "A dot is a repetition; the box is the middle half, the line in it the median. A ~ behind the name: the spread says that "
        "the machine was busy.")


def allocations(cells):
    counted = [cell for cell in cells.select(family="operation") if cell.allocations is not None]
    if not counted:
        return None
    pattern = next((p for p in ("deferred", "inline") if any(c.key.pattern == p for c in counted)), counted[0].key.pattern)
    counted = [cell for cell in counted if cell.key.pattern == pattern]
    n = min({cell.key.n for cell in counted}, key=lambda size: (abs(size - 256), size))
    rows = {}
    for cell in counted:
        if cell.key.n == n:
            rows.setdefault(cell.key.contender, cell)
    shown = sorted(rows.values(), key=lambda cell: order(cell.key.contender))
    names = [cell.key.contender for cell in shown]
    colours = [styles.colour_and_marker(name)[0] for name in names]
    with_bytes = all(cell.bytes is not None for cell in shown)
    figure, axes = panels(["allocations", "bytes"] if with_bytes else ["allocations"], 2, 4.6, 0.9 + 0.22 * len(names))
    for axis, part in zip(axes, ("allocations", "bytes")):
        values = [getattr(cell, part) for cell in shown]
        bars(axis, names, values, colours, [f"{value:g}" for value in values], f"{part} per fan-out",
             logarithm=1 if part == "allocations" else 100)
    return figure, f"Allocations and bytes of one fan-out, {pattern}, N = {n}", "Counted, not timed. Fewer is better."


def counted_name(name):
    """(mode, contender, N) of mode/contender/N, as count.py has it, or of a benchmark's name; None for anything else."""
    match = NAME.fullmatch(name)
    if match:
        family, pattern, contender, n, work, threads = match.groups()
        return f"{family}, {pattern}{f', {work} ns of work' if int(work) else ''}", contender, int(n)
    words = name.split("/")
    return (words[0], words[1], int(words[2])) if len(words) == 3 and words[2].isdecimal() else None


def instructions(result):
    parsed = [(*named, row) for row in result.get("instructions", []) if (named := counted_name(row["name"]))]
    if not parsed:
        return None
    largest = max(n for _, _, n, _ in parsed)
    shown = [(mode, name, row) for mode, name, n, row in parsed if n == largest]
    modes = list(dict.fromkeys(mode for mode, _, _ in shown))
    most = max(sum(m == mode for m, _, _ in shown) for mode in modes)
    figure, axes = panels(modes, 2, 4.8, 0.9 + 0.26 * most)
    for axis, mode in zip(axes, modes):
        mine = sorted(((name, row) for m, name, row in shown if m == mode), key=lambda pair: order(pair[0]))
        values = [row["instructions_per_branch"] for _, row in mine]
        texts = [f"{row['instructions_per_branch']:.1f}" + (f" ({row['ratio']:.2f}×)" if row.get("ratio") else "")
                 for _, row in mine]
        bars(axis, [name for name, _ in mine], values, [styles.colour_and_marker(name)[0] for name, _ in mine], texts,
             "instructions per branch")
    return figure, f"Instructions per branch, counted by callgrind, N = {largest}", (
        "Everything from making the operation to the end of its completion; in parentheses the ratio to the hand-written C.")


MOST_HEADERS = 24  # that have a bar


def compile_cost(result):
    rows = result.get("frontend", [])
    compilers = list(dict.fromkeys(row["compiler"] for row in rows))
    if not rows:
        return None
    # What is most expensive, anywhere; what the ratios are to stays.
    headers = list(dict.fromkeys(row["included"] for row in sorted(rows, key=lambda row: -row["seconds"])))
    standard = [header for header in headers if header.startswith("<")]
    shown = {*standard, *[header for header in headers if header not in standard][:MOST_HEADERS]}
    rows = sorted((row for row in rows if row["included"] in shown), key=lambda row: row["seconds"])
    most = max(sum(row["compiler"] == compiler for row in rows) for compiler in compilers)
    figure, axes = panels(compilers, 2, 5.4, 0.9 + 0.26 * most)
    for axis, compiler in zip(axes, compilers):
        mine = [row for row in rows if row["compiler"] == compiler]
        texts = [f"{row['seconds'] * 1e3:.0f}" + (f" ({row['ratio']:.2f}×)" if row.get("ratio") else "") for row in mine]
        bars(axis, [row["included"] for row in mine], [row["seconds"] * 1e3 for row in mine],
             [styles.GREY if row["included"].startswith("<") else "#0072B2" for row in mine], texts, "ms of processor time")
    return figure, "What an #include costs: milliseconds of the compiler's front end", (
        "Median of alternating runs of -fsyntax-only, each header on its own, the most expensive. Grey: the standard headers that the "
        "ratio in parentheses is to.")


def scaling(model):
    """The model's prediction for up to 256 processors, with what was measured."""
    works = model.works_shown()
    figure, axes = panels([f"{work} ns of work between" for work in works], 2, 4.4, 3.0)
    processors = [1, *model_.PROCESSORS]
    for axis, work in zip(axes, works):
        for name, predict in (("atomic", model.flat), ("sharded", model.sharded)):
            colour, marker = styles.colour_and_marker(name)
            low, middle, high = zip(*(predict(p, work) for p in processors))
            axis.plot(processors, middle, color=colour, linewidth=1.6)
            axis.fill_between(processors, low, high, color=colour, alpha=0.18, linewidth=0)
            measured = [cell for cell in model.cells.select(family="strategy", pattern=model.pattern, contender=name, work=work,
                                                            n=model.n) if cell.key.threads <= model.processors]
            axis.plot([cell.key.threads for cell in measured], [cell.median for cell in measured], color=colour, marker=marker,
                      linestyle="", markersize=7, markeredgecolor=styles.BLACK)
        logarithmic(axis, [1, *model_.SHOWN], "processors", "ns per release")
    legend(figure, ["atomic", "sharded"])
    return figure, f"Flat or sharded: predicted nanoseconds per release for up to 256 processors, N = {model.n}", (
        "Lines: the model, with the range that comes of the measured costs of moving a cache line. Markers: what was measured. "
        "The step: there are more processors than shards.")


def form(contender):
    """Of the chart for N that is not known when the operation begins, or known to the compiler."""
    return contender in (*FORMS, *rivals.CONSTANT_N, "handwritten_open")


def draw(cells, result, model, processors):
    """All charts there are numbers for."""
    families = cells.values("family")
    counting = {*STRATEGIES, *(cell.key.contender for cell in cells if cell.strategy)}  # with somebody's own

    def own(contender):
        return contender == "handwritten" or contender in counting

    def peer(contender):
        return contender in ("handwritten", "atomic") or not (own(contender) or form(contender))

    wanted = []
    if "operation" in families:
        wanted += [("operation_n", against_n, (cells, "operation", processors, own, "Whole fan-outs, the strategies")),
                   ("peers_n", against_n, (cells, "operation", processors, peer, "Whole fan-outs, other libraries")),
                   ("forms_n", against_n, (cells, "operation", processors, lambda c: form(c) or c == "handwritten",
                                           "Whole fan-outs, N unknown or constant")),
                   ("operation_distribution", distribution, (cells, "operation", processors)),
                   ("operation_contention", contention, (cells, "operation", processors)),
                   ("allocations", allocations, (cells,))]
    if "strategy" in families:
        wanted += [("strategy_n", against_n, (cells, "strategy", processors, lambda _: True, "The bare count")),
                   ("strategy_contention", contention, (cells, "strategy", processors)),
                   ("strategy_distribution", distribution, (cells, "strategy", processors))]
    if model is not None:
        wanted.append(("scaling", scaling, (model,)))
    wanted += [("instructions", instructions, (result,)), ("compile_cost", compile_cost, (result,))]

    pictures = []
    with matplotlib.rc_context(LOOK):
        for name, make, arguments in wanted:
            made = make(*arguments)
            if made:
                figure, title, caption = made
                figure.suptitle(title, x=0.0, ha="left", fontsize=12)
                pictures.append(Picture(name, title, caption, to_svg(figure, name)))
    return pictures
