# SPDX-License-Identifier: BSL-1.0
"""Reads what Google Benchmark wrote, with every repetition, and what belongs to it. Bad input gets a sentence, a `Mistake`.

Understood are the entries whose name is FAMILY/PATTERN/CONTENDER/n:N/work:NS/threads:T:

    strategy    the bare count; NS of work before each release; the ratios are to the contender `atomic`
    operation   whole fan-outs; the ratios are to the contender `handwritten`

Others may be in the file and are left alone.
"""
import json
import math
import os
import re
import sys
import typing

NAME = re.compile(r"(strategy|operation)/([^/]+)/([^/]+)/n:([1-9]\d*)/work:(\d+)/threads:([1-9]\d*)"
                  r"(?:/(?:min_time|min_warmup_time|iterations|repeats|process_time|real_time|manual_time)[^/]*)*")
REFERENCE = {"operation": "handwritten", "strategy": "atomic"}


class Mistake(Exception):
    """Something that the caller can put right, as a sentence."""


class Key(typing.NamedTuple):
    """What was measured. The sort order is that of the tables."""
    family: str
    pattern: str
    work: int  # nanoseconds before each release
    threads: int
    n: int
    contender: str

    def __str__(self):
        return f"{self.family}/{self.pattern}/{self.contender}/n:{self.n}/work:{self.work}/threads:{self.threads}"


class Run(typing.NamedTuple):
    """The repetitions of one benchmark."""
    times: list  # nanoseconds per branch
    allocations: float | None  # per fan-out
    bytes: float | None
    strategy: bool = False  # counts with a refcount strategy
    own_threads: bool = False  # completes on threads of its own


class Transfer(typing.NamedTuple):
    """What moving a cache line from one processor to another costs, in nanoseconds: the quartiles of its measurement."""
    low: float
    median: float
    high: float


def load(path, what):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise Mistake(f"{path}: cannot read {what}: {error.strerror}.") from error
    except ValueError as error:  # not JSON, or not UTF-8
        raise Mistake(f"{path}: {what} is not JSON: {error}.") from error


def is_count(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def check_rows(rows, path, what, names, numbers):
    """`rows` of count.py or frontend.py: a list of objects with these names and numbers."""
    good = isinstance(rows, list) and all(
        isinstance(row, dict) and all(isinstance(row.get(name), str) for name in names)
        and all(is_count(row.get(number)) and row[number] > 0 for number in numbers)
        and all(row.get(extra) is None or is_count(row[extra]) for extra in ("ratio", "bar")) for row in rows)
    if not good:
        raise Mistake(f"{path}: {what} should be a list of objects with {', '.join(names + numbers)}.")
    return rows


def check_result(result, path):
    if not isinstance(result, dict) or not isinstance(result.get("benchmarks"), list):
        raise Mistake(f"{path}: this is JSON, but not what Google Benchmark writes: it has no list \"benchmarks\".")
    if not isinstance(result.setdefault("context", {}), dict):
        raise Mistake(f"{path}: this is JSON, but not what Google Benchmark writes: its \"context\" is not an object.")
    if "instructions" in result:
        check_rows(result["instructions"], path, "\"instructions\"", ["name"], ["instructions_per_branch"])
    if "frontend" in result:
        check_rows(result["frontend"], path, "\"frontend\"", ["compiler", "included"], ["seconds"])
    return result


def read_result(path, instructions=None, frontend=None):
    """The JSON of a run, completed with the files of the other measurements."""
    result = load(path, "the result")
    for key, other in (("instructions", instructions), ("frontend", frontend)):
        if other is not None and isinstance(result, dict):
            result[key] = load(other, f"the {key} file")
    return check_result(result, path if instructions is None and frontend is None else f"{path} and what is added to it")


def runs_of(result, path):
    """(Key -> Run, notes): the notes are sentences about what was left out."""
    runs, wrong, odd, unchecked = {}, set(), set(), set()
    for entry in result["benchmarks"]:
        name = entry.get("run_name", entry.get("name")) if isinstance(entry, dict) else None
        match = NAME.fullmatch(name) if isinstance(name, str) else None
        if match is None or entry.get("run_type", "iteration") != "iteration":
            continue
        family, pattern, contender, n, work, threads = match.groups()
        key = Key(family, pattern, int(work), int(threads), int(n), contender)
        if entry.get("error_occurred"):
            wrong.add(key)
            continue
        seconds = entry.get("per_branch")
        if not is_count(seconds) or seconds <= 0:
            odd.add(key)
            continue
        if not entry.get("checked"):
            unchecked.add(key)
        run = runs.setdefault(key, Run([], *(entry[part] if is_count(entry.get(part)) else None
                                             for part in ("allocations", "bytes")),
                                         *(bool(entry.get(part)) for part in ("strategy", "own_threads"))))
        run.times.append(seconds * 1e9)
    for key in wrong:  # one wrong repetition makes the others worth nothing
        runs.pop(key, None)

    notes = []
    for keys, text in ((wrong, "ended with an error, such as a wrong result, and are left out"),
                       (odd - wrong, "have repetitions without a time per branch, which are left out"),
                       (unchecked, "are of a strategy which nobody has declared as checked")):
        if keys:
            names = sorted(map(str, keys))
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            notes.append(f"Benchmarks that {text} ({len(names)}): {', '.join(names[:5])}{more}.")
    if not runs:
        raise Mistake(f"{path}: no benchmarks in it with a name like operation/inline/handwritten/n:256/work:0/threads:1, "
                      f"with every repetition and a per_branch. {' '.join(notes)}".rstrip())
    for family, reference in REFERENCE.items():
        if any(key.family == family for key in runs) and not any(
                key.family == family and key.contender == reference for key in runs):
            raise Mistake(f"{path}: there are {family}/ benchmarks but none of the contender '{reference}', "
                          f"to which the ratios are. Run it as well.")
    return runs, notes


def transfer_of(result, path):
    """The context's fanout_cache_line_transfer_ns: the median, or "quartile median quartile"; None if it is not there. If there is
    a fanout_cache_line_transfer_far_ns, between processors that are further from each other, the range reaches up to it."""
    near = transfer_named("fanout_cache_line_transfer_ns", result, path)
    far = transfer_named("fanout_cache_line_transfer_far_ns", result, path)
    return near and near._replace(high=max(near.high, far.high if far else 0))


def hand_over_of(result, path):
    """threads -> nanoseconds per round, of the context's fanout_hand_over_ns, "2:812 4:1630"; empty if it is not there."""
    key = "fanout_hand_over_ns"
    words = str(result["context"].get(key) or "").split()
    matches = [re.fullmatch(r"([1-9]\d*):(\d+(?:\.\d+)?)", word) for word in words]
    if not all(matches):
        raise Mistake(f"{path}: the context's {key} should be like '2:812 4:1630', nanoseconds by threads; it is '{' '.join(words)}'.")
    return {int(match[1]): float(match[2]) for match in matches}


def transfer_named(key, result, path):
    value = result["context"].get(key)
    if value is None or value == "":
        return None
    try:
        numbers = [float(word) for word in re.split(r"[\s,]+", str(value).strip("[] "))]
    except ValueError:
        numbers = []
    if len(numbers) == 1:
        numbers *= 3
    if len(numbers) != 3 or not all(math.isfinite(x) and x > 0 for x in numbers) or sorted(numbers) != numbers:
        raise Mistake(f"{path}: the context's {key} should be one number or three, lower quartile, "
                      f"median and upper quartile, in ascending order; it is '{value}'.")
    return Transfer(*numbers)


def make_folder(path):
    """Makes sure that something can be written there, before any time is spent."""
    if os.path.exists(path) and not os.path.isdir(path):
        raise Mistake(f"{path}: a report is a folder, and this is a file. Name another.")
    try:
        os.makedirs(path, exist_ok=True)
        probe = os.path.join(path, ".writable")
        with open(probe, "w", encoding="utf-8"):
            pass
        os.remove(probe)
    except OSError as error:
        raise Mistake(f"{path}: cannot write the report there: {error.strerror}.") from error


def write(folder, name, text):
    path = os.path.join(folder, name)
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Mistake(f"{path}: cannot write: {error.strerror}.") from error


def main(words):
    """Whether these files are results: for whoever is about to spend time on what is to be compared with them."""
    try:
        for path in words:
            runs_of(read_result(path), path)
    except Mistake as mistake:
        print(mistake, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
