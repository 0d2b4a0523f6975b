# SPDX-License-Identifier: BSL-1.0
"""Medians, quartiles and ratios of the repetitions.

A ratio is that of the medians, to the family's reference of the same run: `handwritten` for operations, `atomic` for strategies,
with the same pattern, work, threads and N. In parentheses stands that of the undisturbed repetitions: on one thread of the fastest
ones; with several, where the fastest may be a stroke of luck (one thread had done its share before the others began), of the lower
quartiles.
"""
import dataclasses
import functools
import statistics
import typing

from reading import REFERENCE, Key

# (upper quartile - lower quartile) / median: beyond this the machine was busy.
MOST_SPREAD = 0.25
# The ratio of the medians to that of the undisturbed repetitions, or the other way round: beyond this, too.
MOST_DISAGREEMENT = 1.3
FEWEST = 3  # with fewer repetitions nobody knows


@dataclasses.dataclass(frozen=True)
class Cell:
    """One benchmark: nanoseconds per branch, over its repetitions."""
    key: Key
    times: tuple
    allocations: float | None = None
    bytes: float | None = None
    strategy: bool = False  # counts with a refcount strategy: the library's operation, whoever's count
    own_threads: bool = False  # completes on threads of its own while it issues, so that nothing is handed over

    @functools.cached_property
    def median(self):
        return statistics.median(self.times)

    @functools.cached_property
    def quartiles(self):
        if len(self.times) < 2:
            return self.times[0], self.times[0]
        low, _, high = statistics.quantiles(self.times, n=4, method="inclusive")
        return low, high

    @property
    def undisturbed(self):
        return min(self.times) if self.key.threads == 1 else self.quartiles[0]

    @property
    def spread(self):
        low, high = self.quartiles
        return (high - low) / self.median

    @property
    def mark(self):
        """~ where the spread says that the machine was busy, ? where there are too few repetitions to tell, otherwise nothing."""
        return "?" if len(self.times) < FEWEST else "~" if self.spread > MOST_SPREAD else ""


class Ratio(typing.NamedTuple):
    median: float
    undisturbed: float
    mark: str

    def __str__(self):
        return f"{self.median:.2f} ({self.undisturbed:.2f}){self.mark}"


def ratio(ours, theirs):
    median, undisturbed = ours.median / theirs.median, ours.undisturbed / theirs.undisturbed
    disagree = not 1 / MOST_DISAGREEMENT <= median / undisturbed <= MOST_DISAGREEMENT
    return Ratio(median, undisturbed, max(ours.mark, theirs.mark, "~" if disagree else ""))


PATTERNS = ("inline", "deferred", "cross", "all", "streaming", "block", "strided", "batched", "bursty", "skewed")


class Cells:
    """All benchmarks of a run."""

    def __init__(self, runs):
        self.by_key = {key: Cell(key, *run._replace(times=tuple(run.times))) for key, run in sorted(runs.items())}

    def __iter__(self):
        return iter(self.by_key.values())

    def select(self, **wanted):
        """The cells whose key has these values."""
        return [cell for cell in self if all(getattr(cell.key, name) == value for name, value in wanted.items())]

    def values(self, name, **wanted):
        """The different values of a part of the key, in ascending order; patterns from the plainest on."""
        found = sorted({getattr(cell.key, name) for cell in self.select(**wanted)})
        if name == "pattern":
            found.sort(key=lambda pattern: PATTERNS.index(pattern) if pattern in PATTERNS else len(PATTERNS))
        return found

    def get(self, key, **changed):
        return self.by_key.get(key._replace(**changed))

    def ratio(self, key):
        """To the reference; None where there is none."""
        ours, theirs = self.by_key.get(key), self.get(key, contender=REFERENCE[key.family])
        return ratio(ours, theirs) if ours and theirs else None

    def plain(self, family, pattern, threads_at_most=None):
        """(work, threads) that a chart against N is drawn for: the least work; the threads that most was measured with, and of
        several the most."""
        work = min(self.values("work", family=family, pattern=pattern))
        cells = self.select(family=family, pattern=pattern, work=work)
        counts = {}
        for cell in cells:
            counts[cell.key.threads] = counts.get(cell.key.threads, 0) + 1
        fitting = {t: c for t, c in counts.items() if threads_at_most is None or t <= threads_at_most} or counts
        return work, max(fitting, key=lambda threads: (fitting[threads], threads))

    def size(self, near=256, **wanted):
        """The N that is shown where only one is: the one next to `near`."""
        return min(self.values("n", **wanted), key=lambda n: (abs(n - near), n))


def order(contender):
    """Tables and legends: the reference first, then the strategies, then the others by name."""
    known = ["handwritten", *STRATEGIES, *FORMS]
    return (known.index(contender) if contender in known else len(known), contender)


STRATEGIES = ("atomic", "local", "lazy_seed", "sharded", "sharded_by_thread", "batched", "peek", "checked", "no_issuer_ref")
# The library in other forms than an operation of known N in an allocation of its own.
FORMS = ("lazy_seed_open", "atomic_open", "atomic_c", "embedded")
