# SPDX-License-Identifier: BSL-1.0
"""The library beside the fastest of the others that can do the same, in the same run. With several threads that is not one that has
threads of its own: it issues on all of them, and hands nothing over."""
import typing

import verdicts
from cells import FORMS, STRATEGIES, ratio

FLOOR = ("bare_slots",)  # counts nothing: nobody could use it
CONSTANT_N = ("stdexec_when_all", "unifex_when_all")
# Need not be told N: as hand-written with an increment for each branch, or by nature.
UNKNOWN_N = ("handwritten_open", "shared_ptr", "stdexec_counting_scope", "unifex_async_scope")


class League(typing.NamedTuple):
    what: str
    ours: str
    takes: typing.Callable  # contender -> whether it is a rival there


LEAGUES = (
    League("N known when it begins", "atomic", lambda name: name not in (
        *STRATEGIES, *FORMS, *FLOOR, *CONSTANT_N, "handwritten_open")),
    League("N known to the compiler, nothing allocated", "embedded", lambda name: name in CONSTANT_N),
    League("N found out while issuing", "lazy_seed_open", lambda name: name in UNKNOWN_N),
)


class Row(typing.NamedTuple):
    """For one pattern: N -> (ratio of the medians to the fastest rival's, its name)."""
    pattern: str
    work: int
    threads: int
    against: dict


def rows(cells, league):
    found = {}
    for cell in cells.select(family="operation", contender=league.ours):
        key = cell.key
        others = [other for other in cells.select(family="operation", pattern=key.pattern, work=key.work, threads=key.threads, n=key.n)
                  if league.takes(other.key.contender) and not other.strategy and not (other.own_threads and key.threads > 1)]
        if others:
            best = min(others, key=lambda other: other.median)
            row = found.setdefault((key.pattern, key.work, key.threads), Row(key.pattern, key.work, key.threads, {}))
            row.against[key.n] = ratio(cell, best), best.key.contender
    return [found[key] for key in sorted(found, key=lambda key: cells.values("pattern", family="operation").index(key[0]))]


def sentence(cells, league):
    """One line for the terminal; nothing where there are no rivals."""
    parts = []
    for row in rows(cells, league):
        medians = [against.median for against, _ in row.against.values()]
        span = verdicts.span_of(medians)
        several = f" by {row.threads}" if row.threads > 1 else ""
        parts.append(f"{row.pattern}{several}{f' with {row.work} ns of work' if row.work else ''} {span}")
    return f"{league.ours}, times the fastest other ({league.what}): {', '.join(parts)}." if parts else ""
