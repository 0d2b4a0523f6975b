# SPDX-License-Identifier: BSL-1.0
"""When to use which strategy, by stated rules from the measured ratios to `atomic`. See RULES."""
import itertools
import statistics
import typing

from cells import STRATEGIES, order
from cells import ratio as ratio_of

PAYS = 0.80  # at most this times `atomic`
COSTS = 1.25  # at least this times `atomic`
FEWEST = 2  # measurements that a condition rests on

RULES = (
    f"A strategy pays where it takes at most {PAYS:.2f} times what `atomic` takes, by the medians, and costs where it takes at "
    f"least {COSTS:.2f} times that.",
    "Looked at are the strategy/ benchmarks that are not marked as disturbed, with no more threads than processors; of a strategy "
    "that is there for speed, those of the situation it is for.",
    "The condition that a verdict names is the widest (at least so many threads, at least so many branches, at most so much work "
    f"in between) inside which each of them pays. It rests on {FEWEST} of them at least, unless there is but one, and a disturbed "
    "measurement in there that does not pay rules it out.",
    "A strategy that is there for something else than speed has a purpose and a price: the median of all those ratios, \"about as "
    f"much\" from {PAYS:.2f} to {COSTS:.2f}, and what whole fan-outs take with it, times what they take with `atomic`. (`lazy_seed` "
    "is for N that is found out: `lazy_seed_open`, times `atomic_open`.)",
)


class Strategy(typing.NamedTuple):
    when: str  # follows "use it when"
    can: str  # what it can do and what it cannot
    home: typing.Callable | None  # Key -> whether it is meant for that; None: it is there for something else than speed
    whole: tuple = ()  # then: the whole fan-out that shows its price, and the one to compare it with; () for (itself, atomic)


def on_one_thread(key):
    return key.threads == 1


def on_several(*patterns):
    return lambda key: key.threads > 1 and key.pattern in patterns


TABLE = {
    "atomic": Strategy(
        "none of the others' conditions holds: it is the default, and what they are measured against",
        "Any number of threads. try_hold: yes. N unknown: yes, with an increment for each branch.", None),
    "local": Strategy(
        "the issuer and every branch complete on one thread",
        "One thread only, which is your promise. try_hold: yes. N unknown: yes.", on_one_thread),
    "lazy_seed": Strategy(
        "N is found out while issuing",
        "Any number of threads. try_hold: yes. N unknown: yes, without an increment for each branch. Nobody can look at what is "
        "left.", None, ("lazy_seed_open", "atomic_open")),
    "sharded": Strategy(
        "several processors complete at once, each of them neighbouring branches",
        "Any number of threads. try_hold: yes. N unknown: no. A cache line for each shard, and below 16 branches a flat count.",
        on_several("block")),
    "sharded_by_thread": Strategy(
        "several processors complete at once, each of them whatever comes",
        "Any number of threads. try_hold: yes. N unknown: no. A cache line for each shard, and below 16 branches a flat count.",
        on_several("block", "strided", "skewed")),
    "batched": Strategy(
        "a loop completes many branches in a turn, inside a batch_scope",
        "What the strategy inside it can, by default atomic's: try_hold: yes, N unknown: yes. Saves nothing outside of a "
        "batch_scope.", lambda key: key.pattern in ("block", "strided", "skewed")),
    "peek": Strategy(
        "few branches complete one after the other, and nobody else holds the operation",
        "Any number of threads, but slower where they meet. try_hold: no, so no stop tokens and no deadlines. N unknown: no.",
        on_one_thread),
    "checked": Strategy(
        "looking for a branch that completes twice or never",
        "Any number of threads. try_hold: yes. N unknown: no. Ends the program at a second completion; names who is missing.",
        None),
    "no_issuer_ref": Strategy(
        "N is fixed and the issuer touches nothing after the last start",
        "Any number of threads. try_hold: no. N unknown: no. Branches that complete while they are started cannot be released "
        "together.", None),
}
assert tuple(TABLE) == STRATEGIES
# One that somebody has added to the harness.
OTHER = Strategy("you have a reason of your own", "Not one of the library's: its own documentation says.", lambda key: True)


class Verdict(typing.NamedTuple):
    name: str
    level: str  # "use", "not here", "unknown" or "not measured"
    text: str
    measured: str
    can: str


def where(key):
    thread = "thread" if key.threads == 1 else "threads"
    work = f", {key.work} ns of work" if key.work else ""
    return f"{key.pattern}, N = {key.n}, {key.threads} {thread}{work}"


def corner(found, disturbed):
    """(threads, n, work) of the widest condition inside which every one pays, and what is inside; None if there is none."""
    def within(rows, threads, n, work):
        return [(key, ratio) for key, ratio in rows if key.threads >= threads and key.n >= n and key.work <= work]

    def pay(rows):
        return all(ratio.median <= PAYS for _, ratio in rows)

    parts = [sorted({getattr(key, name) for key, _ in found}) for name in ("threads", "n", "work")]
    best = None
    for threads, n, work in itertools.product(parts[0], parts[1], reversed(parts[2])):
        inside = within(found, threads, n, work)
        if len(inside) >= min(FEWEST, len(found)) and pay(inside) and pay(within(disturbed, threads, n, work)) and (
                best is None or len(inside) > len(best[1])):
            best = (threads, n, work), inside
    return best


def in_words(threads, n, work, found):
    """Only what is a restriction of what was measured."""
    words = []
    if threads > 1:
        words.append(f"from {threads} threads on")
    if n > min(key.n for key, _ in found):
        words.append(f"N at least {n}")
    if work < max(key.work for key, _ in found):
        words.append(f"at most {work} ns of work in between" if work else "no work in between")
    return ", ".join(words)


def span_of(ratios):
    least, most = f"{min(ratios):.2f}", f"{max(ratios):.2f}"
    return least if least == most else f"{least} to {most}"


def price(strategy, name, found, cells, processors):
    middle = statistics.median(ratio.median for _, ratio in found)
    band = "less than" if middle <= PAYS else "about as much as" if middle < COSTS else "more than"
    words = f"By itself it costs {band} atomic: {middle:.2f} times, the median of {len(found)} measurements."
    ours, theirs = strategy.whole or (name, "atomic")
    pairs = [(cell, cells.get(cell.key, contender=theirs)) for cell in cells.select(family="operation", contender=ours)
             if cell.key.threads <= processors]
    ratios = [ratio_of(one, other) for one, other in pairs if other]
    ratios = [one.median for one in ratios if not one.mark]
    if not ratios:
        return words
    return f"{words} Whole fan-outs take {span_of(ratios)} times what those with {theirs} take ({ours}; {len(ratios)} measurements)."


def judge_speed(strategy, found, disturbed, patterns):
    medians = [ratio.median for _, ratio in found]
    best = corner(found, disturbed)
    if best:
        (threads, n, work), inside = best
        condition = in_words(threads, n, work, found)
        inner = [ratio.median for _, ratio in inside]
        return "use", (f"Use it when {strategy.when}{': ' + condition if condition else ''}. There it took {span_of(inner)} times what "
                       f"atomic took ({', '.join(patterns)}; {len(inside)} of {len(found)} measurements).")
    paying = [row for row in found if row[1].median <= PAYS]
    if paying:
        key, ratio = min(paying, key=lambda row: row[1].median)
        return "not here", (f"For when {strategy.when}; but it paid in {len(paying)} of {len(found)} measurements, by no rule: "
                            f"measure yours. Best: {ratio} ({where(key)}).")
    return "not here", f"For when {strategy.when}; but here it never paid: {span_of(medians)} times what atomic took."


def verdict(name, cells, processors):
    strategy = TABLE.get(name, OTHER)
    if name == "atomic":
        return Verdict(name, "use", f"Use it when {strategy.when}.", "1 by definition", strategy.can)
    everywhere = [(cell.key, cells.ratio(cell.key)) for cell in cells.select(family="strategy", contender=name)
                  if cell.key.threads <= processors]
    everywhere = [(key, ratio) for key, ratio in everywhere if ratio]
    clean = [(key, ratio) for key, ratio in everywhere if not ratio.mark]
    found = [(key, ratio) for key, ratio in clean if strategy.home is None or strategy.home(key)]
    measured = "nothing"
    if clean:
        dear_key, dear = max(clean, key=lambda row: row[1].median)
        cheap_key, cheap = min(clean, key=lambda row: row[1].median)
        measured = f"{cheap} ({where(cheap_key)}) to {dear} ({where(dear_key)})"
        if dear.median >= COSTS:
            measured += f"; costs in {sum(ratio.median >= COSTS for _, ratio in clean)} of {len(clean)}"
    if not found:
        at_home = [key for key, _ in everywhere if strategy.home is None or strategy.home(key)]
        if at_home:
            return Verdict(name, "unknown", f"For when {strategy.when}; what that saves cannot be told: the machine was busy, or "
                           "there were too few repetitions.", measured, strategy.can)
        return Verdict(name, "not measured", f"For when {strategy.when}; that was not measured here.", measured, strategy.can)
    if strategy.home is None:
        return Verdict(name, "use", f"Use it when {strategy.when}. {price(strategy, name, found, cells, processors)}", measured,
                       strategy.can)
    disturbed = [(key, ratio) for key, ratio in everywhere if ratio.mark and strategy.home(key)]
    level, text = judge_speed(strategy, found, disturbed, sorted({key.pattern for key, _ in found}))
    return Verdict(name, level, text, measured, strategy.can)


def verdicts(cells, processors):
    """Of those that were run, the library's first."""
    names = [name for name in cells.values("contender", family="strategy") if name != "handwritten"]
    return [verdict(name, cells, processors) for name in sorted(names, key=order)]
