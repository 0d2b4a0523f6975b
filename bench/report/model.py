# SPDX-License-Identifier: BSL-1.0
"""What a release costs on p processors, with a flat count and with a sharded one. A throughput model, in nanoseconds of wall
time per release.

    t_0   a release whose cache line this processor owns: `atomic`, one thread, no work, as measured
    t_x   a release whose cache line another processor owned last: the cost of moving the line, as measured by two processors that
          take turns (each looks until it is its turn, and then counts: the line may come twice, first to be read)
    w     work of a processor between two of its releases: what one thread was measured with, less t_0
    N     branches; S shards as include/fanout/refcount/sharded.hpp makes them of N, one cache line each

A line is moved for each release as soon as two processors use it, and it is at one processor at a time. So p processors with
one line need

    flat(p) = max( h(p), (w + h(p)) / p )        h(1) = t_0, h(p) = t_x for p > 1

per release: either the line is always busy, or the processors are. With shards, q = ceil(p / S) processors share a line and
L = min(p, S) lines are in use at once. A line that one processor uses comes from the issuer, once for its N/S releases. Whoever
empties a shard releases the root, which is a flat count of S references, and these are not overlapped with anything:

    sharded(p) = max( h / L, (w + h) / p ) + S/N * h(p)
                 h = t_x where q > 1, otherwise t_0 + (t_x - t_0) * S/N for p > 1, t_0 for p = 1

Limits: p = 1 is w + t_0, which agrees with the measurement because w was made of it, and S/N * t_0 more with shards. Many
processors: flat t_x, sharded t_x * (1/S + S/N). Flat is at its ceiling from p = 1 + w / t_x on, and about there sharding begins
to pay.

What it leaves out: a processor that makes several releases while it has the line (hardware lets it, most of all without work in
between, so the prediction is then too high for flat); waiting that begins before the line is always busy (too low near the
bend); sockets, whose lines take longer to move; and threads that do not complete neighbours, for which the shards of
`sharded` are shared by all.
"""
import math
import typing

from reading import Key, Transfer

PAYS = 0.8  # at most this times the flat count
PROCESSORS = range(2, 257)
SHOWN = (2, 4, 8, 16, 32, 64, 128, 256)

# As in include/fanout/refcount/sharded.hpp.
MOST_SHARDS = 16
BRANCHES_PER_SHARD = 8


def shards(n):
    """0: the count is a flat one."""
    if n < 2 * BRANCHES_PER_SHARD:
        return 0
    per_shard = max(math.ceil(n / MOST_SHARDS), BRANCHES_PER_SHARD)
    per_shard = 1 << (per_shard - 1).bit_length()
    return math.ceil(n / per_shard)


class Costs(typing.NamedTuple):
    t_0: float
    t_x: float


def flat(p, w, costs):
    h = costs.t_x if p > 1 else costs.t_0
    return max(h, (w + h) / p)


def sharded(p, w, n, costs):
    s = shards(n)
    if s == 0:
        return flat(p, w, costs)
    root = costs.t_x if p > 1 else costs.t_0
    h = root if math.ceil(p / s) > 1 else costs.t_0 + (root - costs.t_0) * s / n
    return max(h / min(p, s), (w + h) / p) + s / n * root


def starts_to_pay(w, n, costs):
    """The least number of processors, up to 256, from which on sharding pays; None where it does not."""
    start = None
    for p in reversed(PROCESSORS):
        if sharded(p, w, n, costs) > PAYS * flat(p, w, costs):
            break
        start = p
    return start


class Row(typing.NamedTuple):
    """A prediction beside its measurement: (low, median, high) of t_x, and a Cell or None."""
    work: int
    threads: int
    flat: tuple
    flat_measured: object
    sharded: tuple
    sharded_measured: object


class Model:
    """The model with the numbers of one run. `transfer` is Transfer or None; without it, and without a measurement that can
    stand in for it, there is none: see `make`."""

    def __init__(self, cells, pattern, n, transfer, second, t_0, processors):
        self.cells, self.pattern, self.n, self.processors = cells, pattern, n, processors
        self.measured = transfer  # by the harness, or None
        self.second = second  # the flat count without work, on several processors: t_x by the model, or None
        self.t_0 = t_0
        sources = [t for t in (transfer, second) if t is not None]
        self.transfer = Transfer(min(t.low for t in sources), sources[0].median, max(t.high for t in sources))
        self.costs = tuple(Costs(t_0, t_x) for t_x in self.transfer)

    def cell(self, contender, work, threads):
        return self.cells.by_key.get(Key("strategy", self.pattern, work, threads, self.n, contender))

    def work(self, nominal):
        """What the work takes, by the measurement of one thread; what it was asked to take where there is none."""
        alone = self.cell("atomic", nominal, 1)
        return max(alone.median - self.t_0, 0) if alone and nominal else nominal

    def works(self):
        return self.cells.values("work", family="strategy", pattern=self.pattern, n=self.n)

    def flat(self, p, nominal):
        return tuple(flat(p, self.work(nominal), costs) for costs in self.costs)

    def sharded(self, p, nominal):
        return tuple(sharded(p, self.work(nominal), self.n, costs) for costs in self.costs)

    def rows(self):
        """For the threads at hand that have a processor each."""
        found = []
        for work in self.works():
            for threads in self.cells.values("threads", family="strategy", pattern=self.pattern, n=self.n, work=work):
                if threads <= self.processors:
                    found.append(Row(work, threads, self.flat(threads, work), self.cell("atomic", work, threads),
                                     self.sharded(threads, work), self.cell("sharded", work, threads)))
        return found

    def compared(self):
        """(prediction, measurement) on several processors."""
        return [(predicted, cell) for row in self.rows() if row.threads > 1
                for predicted, cell in ((row.flat, row.flat_measured), (row.sharded, row.sharded_measured)) if cell]

    def worst(self):
        """The largest factor between a prediction and its measurement, either way; None without any."""
        return max((max(predicted[1] / cell.median, cell.median / predicted[1]) for predicted, cell in self.compared()), default=None)

    def outside(self):
        """(how many measurements are not in the range that was predicted, of how many)"""
        compared = self.compared()
        return sum(not predicted[0] <= cell.median <= predicted[2] for predicted, cell in compared), len(compared)

    def works_shown(self):
        """Those measured and some beyond."""
        return sorted({*self.works(), 0, 100, 1000, 10000})

    def starts(self):
        """(N, work, its nanoseconds, start by the least, the middle and the largest t_x)"""
        return [(n, nominal, self.work(nominal), *(starts_to_pay(self.work(nominal), n, costs) for costs in self.costs))
                for n in sorted({64, 256, self.n}) for nominal in self.works_shown()]


def make(cells, transfer, processors):
    """The model of this run, or a sentence that says what is missing for it."""
    pattern = "block"  # one release after the other, of equal shares
    if not cells.select(family="strategy", contender="atomic", threads=1, work=0, pattern=pattern):
        return "No model: it needs strategy/block/atomic with one thread and no work, for the cost of a release on an own line."
    alone = {"family": "strategy", "contender": "atomic", "threads": 1, "pattern": pattern}
    # Where most amounts of work were measured, and of several the largest.
    n = max(cells.values("n", **alone, work=0), key=lambda size: (len(cells.values("work", **alone, n=size)), size))
    t_0 = cells.select(family="strategy", contender="atomic", threads=1, work=0, pattern=pattern, n=n)[0].median
    contended = [cell for cell in cells.select(family="strategy", contender="atomic", work=0, pattern=pattern, n=n)
                 if 1 < cell.key.threads <= processors]
    second = None
    if contended:
        low, high = contended[-1].quartiles
        second = Transfer(low, contended[-1].median, high)
    if transfer is None and second is None:
        return ("No model: it needs the cost of moving a cache line, as the context's fanout_cache_line_transfer_ns or as "
                "strategy/block/atomic without work on two processors.")
    return Model(cells, pattern, n, transfer, second, t_0, processors)
