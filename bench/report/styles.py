# SPDX-License-Identifier: BSL-1.0
"""One look for each contender, in all charts and all reports. The colours are those of Okabe and Ito and of Paul Tol's `muted`,
which the colour-blind can tell apart; the marker and the dashes say it a second time. The library's own are drawn solid with filled
markers, others dashed with open ones."""
import zlib

BLACK, GREY = "#000000", "#666666"
OWN = {
    "handwritten": (BLACK, "s"),
    "atomic": ("#0072B2", "o"),
    "local": ("#009E73", "v"),
    "lazy_seed": ("#56B4E9", "^"),
    "sharded": ("#D55E00", "D"),
    "sharded_by_thread": ("#CC79A7", "P"),
    "batched": ("#E69F00", "X"),
    "peek": ("#882255", "<"),
    "checked": ("#999933", ">"),
    "no_issuer_ref": ("#44AA99", "p"),
    "lazy_seed_open": ("#56B4E9", "^"),
    "atomic_open": ("#0072B2", "o"),
    "atomic_c": ("#009E73", "v"),
    "embedded": ("#D55E00", "D"),
}
OTHERS = {
    "bare_slots": (GREY, "."),
    "shared_ptr": ("#332288", "o"),
    "latch": ("#117733", "s"),
    "future": ("#AA4499", "^"),
    "mutex": ("#88CCEE", "v"),
    "asio": ("#CC6677", "D"),
    "tbb": ("#DDCC77", "P"),
    "stdexec_when_all": ("#882255", "X"),
    "stdexec_counting_scope": ("#882255", "h"),
    "unifex_when_all": ("#999933", "<"),
    "unifex_when_all_range": ("#999933", "d"),
    "unifex_async_scope": ("#999933", "*"),
    "folly": ("#44AA99", ">"),
    "handwritten_open": (BLACK, "s"),
}
ALIASES = {
    "asio_parallel_group": "asio", "mutex_condvar": "mutex", "promise_future": "future", "tbb_task_group": "tbb",
    "folly_collect_all": "folly",
    "fanout": "atomic", "fanout_c": "batched", "fanout_local": "local",  # of bench/instructions
}
SPARE = tuple((colour, marker) for colour in ("#332288", "#117733", "#AA4499", "#88CCEE", "#CC6677", "#DDCC77", GREY)
              for marker in ("h", "d", "*", "8"))


def colour_and_marker(contender):
    contender = ALIASES.get(contender, contender)
    found = OWN.get(contender) or OTHERS.get(contender)
    return found or SPARE[zlib.crc32(contender.encode()) % len(SPARE)]


def line(contender):
    """Keyword arguments of Axes.plot."""
    colour, marker = colour_and_marker(contender)
    own = contender in OWN
    return {"color": colour, "marker": marker, "markersize": 5, "linewidth": 2.2 if contender == "handwritten" else 1.4,
            "linestyle": "-" if own else "--", "markerfacecolor": colour if own else "white", "label": "\u200b" + contender if contender.startswith("_") else contender}  # matplotlib leaves out what begins with _
