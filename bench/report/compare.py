# SPDX-License-Identifier: BSL-1.0
"""Two reports side by side. Instructions, which hardly vary, may fail; times never do."""
import typing

from cells import ratio

THRESHOLD = 2.0  # percent
CHANGED = 1.1  # times beyond this, either way, are worth a look


class Count(typing.NamedTuple):
    """Instructions per branch."""
    name: str
    old: float
    new: float
    rose: bool  # by more than the threshold

    @property
    def percent(self):
        return (self.new / self.old - 1) * 100


class Comparison(typing.NamedTuple):
    counts: list
    gone: list  # names that were counted in the old report and not in the new one
    times: list  # (Key, old Cell, new Cell, Ratio), what changed most first
    notes: list  # sentences

    @property
    def risen(self):
        return [count for count in self.counts if count.rose]


def counts_of(result):
    return {row["name"]: row["instructions_per_branch"] for row in result.get("instructions", [])}


def compare(old, old_cells, new, new_cells, threshold=THRESHOLD):
    before, after = counts_of(old), counts_of(new)
    counts = [Count(name, before[name], after[name], after[name] > before[name] * (1 + threshold / 100))
              for name in after if name in before]
    gone = [name for name in before if name not in after]
    times = [(cell.key, old_cells.by_key[cell.key], cell, ratio(cell, old_cells.by_key[cell.key]))
             for cell in new_cells if cell.key in old_cells.by_key]
    times.sort(key=lambda row: max(row[3].median, 1 / row[3].median), reverse=True)

    notes = []
    for key, what in (("fanout_compiler", "compilers"), ("fanout_flags", "flags"), ("fanout_machine", "machines")):
        one, other = (str(result["context"].get(key, "unknown")) for result in (old, new))
        if one != other:
            notes.append(f"The {what} differ: '{one}' then, '{other}' now.")
    return Comparison(counts, gone, times, notes)


def sentence(comparison, threshold):
    """(what is said of the instruction counts, the exit status)"""
    if comparison.risen:
        names = "; ".join(f"{count.name} from {count.old:.2f} to {count.new:.2f} ({count.percent:+.1f} %)"
                          for count in comparison.risen)
        return f"Instructions per branch rose by more than {threshold:g} %: {names}.", 1
    if comparison.counts and comparison.gone:
        return (f"Instructions per branch: none of {len(comparison.counts)} rose by more than {threshold:g} %, but some are not "
                f"counted any more, so nothing holds them: {', '.join(comparison.gone)}. Count the same, or keep the new report."), 2
    if not comparison.counts and comparison.gone:
        return ("The old report has instruction counts and this one has none of those, so nothing can be held to the "
                "threshold: give --instructions, of the same benchmarks."), 2
    if not comparison.counts:
        return "Neither report has instruction counts in common with the other: times alone fail nothing.", 0
    return f"Instructions per branch: none of {len(comparison.counts)} rose by more than {threshold:g} %.", 0
