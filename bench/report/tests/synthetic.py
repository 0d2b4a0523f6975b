# SPDX-License-Identifier: BSL-1.0
"""Made-up results in the form in which the harness writes its own; the same every time. Only tests read them."""
import random

STRATEGIES = {"atomic": 1.0, "local": 0.4, "lazy_seed": 1.0, "sharded": 1.2, "sharded_by_thread": 1.3, "batched": 1.1, "peek": 1.6,
              "checked": 2.2, "no_issuer_ref": 1.0}
FORMS = {"lazy_seed_open": 0.8, "atomic_open": 0.9, "atomic_c": 1.1, "embedded": 0.5}
PEERS = {"bare_slots": 0.3, "shared_ptr": 2.4, "latch": 1.05, "future": 25.0, "mutex": 1.9, "asio": 11.0, "tbb": 5.0,
         "handwritten_open": 1.2, "stdexec_when_all": 0.9, "unifex_when_all": 1.0, "unifex_async_scope": 3.0}


def entry(name, nanoseconds, n, repetition=0, **changed):
    return {"name": name, "run_name": name, "run_type": "iteration", "repetition_index": repetition, "iterations": 100,
            "real_time": nanoseconds * n, "cpu_time": nanoseconds * n, "time_unit": "ns", "per_branch": nanoseconds * 1e-9,
            "checked": 1.0, **changed}


def context(**changed):
    return {"date": "2026-01-01T00:00:00+00:00", "num_cpus": 2, "load_avg": [0.1, 0.2, 0.1], "fanout_compiler": "GNU 12.2.0",
            "fanout_flags": "-O2 -DNDEBUG", "fanout_machine": "a virtual machine", "fanout_cache_line_transfer_ns": "85 90 100",
            **changed}


def entries(prefix, n, work, threads, times, **changed):
    name = f"{prefix}/n:{n}/work:{work}/threads:{threads}"
    return [entry(name, time, n, number, **changed) for number, time in enumerate(times)]


def result(repetitions=9, strategy=("block", "strided", "batched", "skewed"),
           operation=("inline", "deferred", "cross", "all", "streaming", "bursty", "skewed")):
    """Everything in these patterns, with little noise."""
    chance = random.Random(7)

    def noisy(nanoseconds):
        return [nanoseconds * chance.uniform(0.97, 1.06) for _ in range(repetitions)]

    found = []
    for pattern in strategy:
        for n in (16, 256, 4096):
            for work in (0, 100):
                for threads in (1, 2, 4):
                    for contender, factor in STRATEGIES.items():
                        if contender == "local" and threads > 1:
                            continue
                        each = (work + 10 * factor) if threads == 1 else work / 2 + 30 * factor
                        if threads > 1 and contender == "sharded" and pattern == "block":
                            each = work / 2 + 8
                        if threads > 1 and contender == "sharded_by_thread":
                            each = work / 2 + 9
                        if contender == "batched" and pattern != "batched":
                            each *= 0.3
                        found += entries(f"strategy/{pattern}/{contender}", n, work, threads, noisy(each), allocations=0, bytes=0)
    for pattern in operation:
        threads = 2 if pattern in ("cross", "streaming", "bursty", "skewed") else 1
        for n in (1, 4, 16, 64, 256, 1024):
            for contender, factor in {"handwritten": 1.0, **STRATEGIES, **FORMS, **PEERS}.items():
                if contender == "local" and threads > 1:
                    continue
                each = 14 * factor * threads + 40 / n
                made = 0 if contender == "bare_slots" else 2 if contender == "handwritten" else n if contender in PEERS else 1
                found += entries(f"operation/{pattern}/{contender}", n, 0, threads, noisy(each), allocations=made,
                                 bytes=64 + made * 32 + n * 16)
    return {"context": context(), "benchmarks": found}


def instructions():
    return [{"name": f"{mode}/{contender}/{n}", "instructions_per_branch": base * factor + 100 / n, "ratio": factor, "bar": None}
            for mode, base in (("inline", 30.0), ("deferred", 40.0), ("cross", 42.0))
            for contender, factor in (("fanout", 1.0), ("fanout_c", 1.2), ("fanout_local", 0.7)) for n in (1, 16, 256)]


def frontend():
    return [{"compiler": compiler, "included": included, "seconds": base * factor, "ratio": factor, "bar": None}
            for compiler, base in (("g++", 0.6), ("clang++-19", 0.5))
            for included, factor in (("<atomic> <memory> <system_error>", 1.0), ('"fanout/fanout_op.hpp"', 1.2),
                                     ('"fanout/fanout.hpp"', 1.9))]
