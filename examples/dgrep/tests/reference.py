#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Holds dgrep against two references that share no code with it: GNU grep, and a sort by times that are read here.

usage: reference.py DGREP [unittest options]

The logs are generated, from a seed. Where DGREP_DATA names a folder, the files below it are compared as well; grep sees the same bytes,
unpacked. What is expected is what docs/dgrep.md and time.hpp say.
"""
import base64
import bz2
import calendar
import datetime
import decimal
import functools
import gzip
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

SECOND = 10**9
DAY = 86400 * SECOND
HALF_A_YEAR = 365 * DAY // 2
END = 9_214_646_400 * SECOND  # 2262
MISSES = 50
LOOKED_AT = 1 << 20  # bytes in which a file has its first time, or none
LONGEST_WAIT = 120

MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
WEEKDAYS = b"Mon Tue Wed Thu Fri Sat Sun".split()


# ---- times, read ----------------------------------------------------------------------------------------------------

CLOCK = rb"(?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d)(?:[.,](?P<f>\d+)|(?![.,]?\d))"
# Behind it no word may begin, and no zone that is none.
ZONE = (rb"(?P<z>[Zz]|[+-]\d\d(?::?\d\d)?(?!:?\d)| (?:UTC|GMT)(?![0-9A-Za-z])| [+-]\d\d:?\d\d(?![0-9A-Za-z]))?"
        rb"(?![0-9A-Za-z]|[+-]\d)")
MONTH = rb"(?P<M>" + b"|".join(MONTHS) + rb")"
REST = CLOCK + ZONE

# In the order in which they are tried.
FORMATS = {
    "iso": re.compile(rb"(?:<(?:1?\d?\d)>(?:1 )?|\[)?(?P<Y>\d{4})-(?P<M>\d\d)-(?P<D>\d\d)[Tt ]" + REST),
    "ymd": re.compile(rb"\[?(?P<Y>\d{4})/(?P<M>\d\d)/(?P<D>\d\d) " + REST),
    "mdy": re.compile(rb"\[?(?P<M>\d\d)/(?P<D>\d\d)/(?P<Y>\d{4}) " + CLOCK + rb"(?: (?P<p>[AP])M(?![0-9A-Za-z]))?" + ZONE),
    "syslog": re.compile(rb"(?:<(?:1?\d?\d)>)?" + MONTH + rb" (?P<D>\d\d| \d|\d(?= )) " + REST),
    "apache error": re.compile(rb"(?P<b>\[)?(?P<W>" + b"|".join(WEEKDAYS) + rb") " + MONTH + rb" (?P<D>\d\d| \d) " + CLOCK +
                               rb"(?:(?: (?P<n>[A-Z]+))? (?P<Y>\d{4})(?![0-9A-Za-z]))?" + ZONE + rb"(?(b)\])"),
    "glog": re.compile(rb"[IWEFD](?P<Y>\d{4})?(?P<M>\d\d)(?P<D>\d\d) (?=..:..:..\.\d)" + REST),
    "epoch": re.compile(rb"\[?(?P<e>[1-9](?:\d{9}|\d{12}|\d{15}|\d{18}))(?:\.(?P<f>\d+))?(?=[ \t\r\],;:|]|\Z)"),
    "json": None,
    "access": re.compile(rb"\[(?P<D>\d\d)/" + MONTH + rb"/(?P<Y>\d{4}):" + REST + rb"\]"),
}
JSON_KEYS = ("ts", "time", "timestamp", "@timestamp")


@functools.lru_cache(maxsize=None)
def midnight(year, month, day):
    try:
        return calendar.timegm(datetime.date(year, month, day).timetuple()) * SECOND if 1970 <= year <= 2261 else None
    except ValueError:
        return None


@functools.lru_cache(maxsize=None)
def read_zone(text):
    """East of UTC; None: there is no such zone."""
    text = text.strip()
    if text in (b"Z", b"z", b"UTC", b"GMT"):
        return 0
    digits = text[1:].replace(b":", b"")
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    if hours > 23 or minutes > 59:
        return None
    return (hours * 3600 + minutes * 60) * SECOND * (-1 if text[:1] == b"-" else 1)


def read_epoch(digits, fraction):
    unit = {10: SECOND, 13: 10**6, 16: 10**3, 19: 1}.get(len(digits))
    if unit is None or digits[0] in "0-":
        return None
    return int(digits) * unit + (int(fraction) * unit // 10**len(fraction) if fraction else 0)


def read_json_number(text):
    if "e" in text or "E" in text:
        text = format(decimal.Decimal(text), "f")
    return read_epoch(*text.partition(".")[::2])


def fixed_zone(east):
    return lambda wall: wall - east


class Times:
    """The times of one file, line by line."""

    def __init__(self, written, to_utc, now):
        self.written, self.to_utc, self.not_after = written, to_utc, now + DAY
        self.last = None
        self.formats = []  # the one in use, the one before it
        self.misses = 0
        self.is_first = True

    def read(self, line):
        if self.is_first and line.startswith(b"\xef\xbb\xbf"):
            line = line[3:]
        self.is_first = False
        for kind in self.formats:
            t = self.read_as(kind, line)
            if t is not None:
                return self.take(kind, t)
        if self.formats:
            self.misses += 1
            if self.misses < MISSES:
                return None
        for kind in FORMATS:
            if kind not in self.formats:
                t = self.read_as(kind, line)
                if t is not None:
                    return self.take(kind, t)
        return None

    def take(self, kind, t):
        self.misses = 0
        self.formats = [kind] + [k for k in self.formats[:1] if k != kind] if self.formats[:1] != [kind] else self.formats
        if t < 0 or t >= END or t > self.not_after:
            return None
        self.last = t
        return t

    def read_as(self, kind, line):
        if kind == "json":
            return self.read_json(line) if line[:1] == b"{" else None
        if kind == "access":
            at = line.find(b"[")
            while 0 <= at < 256:
                found = FORMATS[kind].match(line, at)
                t = found and self.moment(found.groupdict())
                if t is not None:
                    return t
                at = line.find(b"[", at + 1)
            return None
        found = FORMATS[kind].match(line)
        if not found:
            return None
        if kind == "epoch":
            return read_epoch(found["e"].decode(), (found["f"] or b"").decode())
        return self.moment(found.groupdict())

    def moment(self, part):
        hour, minute, second = int(part["h"]), int(part["m"]), int(part["s"])
        if hour > 23 or minute > 59 or second > 60:
            return None
        if part.get("p"):
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + (12 if part["p"] == b"P" else 0)
        in_day = (hour * 3600 + minute * 60 + second) * SECOND
        if part["f"] and second != 60:
            in_day += int(part["f"][:9].ljust(9, b"0"))
        east = read_zone(part["z"]) if part["z"] else None
        if part["z"] and east is None:
            return None
        if part.get("n") in (b"UTC", b"GMT"):
            east = 0
        month = MONTHS.index(part["M"]) + 1 if part["M"].isalpha() else int(part["M"])
        day = int(part["D"])

        def in_year(year):
            start = midnight(year, month, day)
            if start is None:
                return None
            return start + in_day - east if east is not None else self.to_utc(start + in_day)

        if part.get("Y"):
            year = int(part["Y"])
            if part.get("W") and midnight(year, month, day) is not None:
                if datetime.date(year, month, day).weekday() != WEEKDAYS.index(part["W"]):
                    return None
            return in_year(year)
        if self.last is None:
            newest = self.written + DAY
            year = datetime.datetime.fromtimestamp(newest // SECOND, datetime.timezone.utc).year + 1
            return next((t for t in map(in_year, range(year, 1969, -1)) if t is not None and t <= newest), None)
        year = datetime.datetime.fromtimestamp(self.last // SECOND, datetime.timezone.utc).year
        near = [t for t in map(in_year, (year - 1, year, year + 1)) if t is not None]
        nearest = min(near, key=lambda t: abs(t - self.last), default=None)
        if nearest is None or (len(near) < 3 and abs(nearest - self.last) > HALF_A_YEAR):
            return None
        return nearest

    def read_json(self, line):
        def refuse(_):
            raise ValueError
        try:
            members = json.loads(line, object_pairs_hook=list, parse_float=lambda x: ("number", x),
                                 parse_int=lambda x: ("number", x), parse_constant=refuse)
        except (ValueError, RecursionError):
            return None
        for key, value in members:
            if key not in JSON_KEYS:
                continue
            t = None
            if isinstance(value, tuple):
                t = read_json_number(value[1])
            elif isinstance(value, str):
                text = value.encode()
                t = next((t for t in (self.read_as(k, text) for k in FORMATS if k not in ("json", "access")) if t is not None),
                         None)
            if t is not None:
                return t
        return None


# ---- the order ------------------------------------------------------------------------------------------------------

def unpacked(path):
    with open(path, "rb") as f:
        content = f.read()
    if content[:3] == b"\x1f\x8b\x08":
        return gzip.decompress(content)
    if content[:3] == b"BZh":
        return bz2.decompress(content)
    if content[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-dc"], input=content, stdout=subprocess.PIPE, check=True, timeout=LONGEST_WAIT).stdout
    return content


def can_unpack(path):
    with open(path, "rb") as f:
        return f.read(4) != b"\x28\xb5\x2f\xfd" or shutil.which("zstd") is not None


class File:
    def __init__(self, name, path):
        self.name, self.path = name, path
        content = unpacked(path)
        self.lines = content.split(b"\n")
        if not self.lines[-1]:
            self.lines.pop()
        self.written = os.stat(path).st_mtime_ns
        self.cache = {}

    def events(self, zone):
        """For each line, the time of the event that it belongs to; whether the file has times."""
        if zone not in self.cache:
            times = Times(self.written, zone, time.time_ns())
            own, at, first, read_to = [], 0, None, len(self.lines)
            for i, line in enumerate(self.lines):
                if first is None and at > LOOKED_AT:
                    read_to = i
                    break
                own.append(times.read(line))
                if first is None:
                    first = own[-1]
                at += len(line) + 1
            own += [None] * (len(self.lines) - read_to)
            event, events = self.written if first is None else first, []
            for t in own:
                event = event if t is None else t
                events.append(event)
            self.cache[zone] = events, first is not None
        return self.cache[zone]


class Host:
    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        paths = [folder] if os.path.isfile(folder) else [os.path.join(f, n) for f, _, names in os.walk(folder) for n in names]
        named = [(os.path.basename(p) if p == folder else os.path.relpath(p, folder), p) for p in paths]
        self.files = [File(n, p) for n, p in sorted(named, key=lambda x: os.fsencode(x[0]))]

    def word(self):
        return f"{self.name}={self.folder}"


class Found:
    __slots__ = ("key", "file", "host", "number", "text", "matches", "time", "group")

    def __init__(self, *values):
        for name, value in zip(self.__slots__, values):
            setattr(self, name, value)


UTC = fixed_zone(0)


def search(hosts, matches, zone=UTC, since=None, until=None, most=None, before=0, after=0, reorder=False, limit=None, tail=None):
    """What dgrep is to print, in its order."""
    everything = []
    for h, host in enumerate(hosts):
        for f, file in enumerate(host.files):
            events, has_times = file.events(zone)
            says = events if has_times else [None] * len(events)
            greatest, taken, left, key, group = None, 0, 0, 0, None
            waiting, found = [], []
            for i, text in enumerate(file.lines):
                event = events[i]
                greatest = event if greatest is None else max(greatest, event)
                hit = matches(text) and (since is None or event >= since) and (until is None or event <= until)
                if hit and most is not None and taken == most:
                    hit = False
                if hit:
                    taken += 1
                    key, group, left = (event if reorder else greatest), (h, f, taken), after
                    found += [Found(key, file, host, n + 1, file.lines[n], False, says[n], group) for n in waiting]
                    waiting = []
                    found.append(Found(key, file, host, i + 1, text, True, says[i], group))
                elif left:
                    left -= 1
                    found.append(Found(key, file, host, i + 1, text, False, says[i], group))
                elif before:
                    waiting = (waiting + [i])[-before:]
            everything += found  # by host, file and line: the sort keeps that
    everything.sort(key=lambda x: x.key)
    groups = [x.group for x in everything if x.matches]
    if limit is not None:
        groups = groups[:limit]
    if tail is not None:
        groups = groups[-tail:]
    if limit is not None or tail is not None:
        wanted = set(groups)
        everything = [x for x in everything if x.group in wanted]
    return everything


def as_text(found, context):
    out, last = [], None
    for x in found:
        if context and last is not None and (last.file is not x.file or last.number + 1 != x.number):
            out.append(b"--\n")
        last = x
        sign = ":" if x.matches else "-"
        out.append(f"{x.host.name}{sign}{x.file.name}{sign}{x.number}{sign}".encode() + x.text + b"\n")
    return out


def as_stamp(t):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(t // SECOND)) + f".{t % SECOND:09}Z"


def as_record(x):
    record = {"host": x.host.name, "file": x.file.name, "line": x.number}
    if x.time is not None:
        record["time"] = as_stamp(x.time)
    if not x.matches:
        record["context"] = True
    try:
        record["text"] = x.text.decode()
    except UnicodeDecodeError:
        record["text_base64"] = base64.b64encode(x.text).decode()
    return record


# ---- times, written -------------------------------------------------------------------------------------------------

def before(head):
    return lambda t, text: head(t) + text


def wall(t, format, east=0):
    return time.strftime(format, time.gmtime(t // SECOND + east)).encode()


def fraction(t, digits):
    return f"{t % SECOND:09}"[:digits].encode()


def iso(between, point, digits, zone=b"", east=0, around=(b"", b"")):
    def write(t):
        return (around[0] + wall(t, f"%Y-%m-%d{between}%H:%M:%S", east) + (point + fraction(t, digits) if digits else b"") +
                zone + around[1] + b" ")
    return before(write), 10**(9 - digits)


def syslog(priority):
    return before(lambda t: priority + wall(t, "%b %e %H:%M:%S") + b" host app[7]: "), SECOND


def access(t):
    return b"192.0.2.7 - - [" + wall(t, "%d/%b/%Y:%H:%M:%S +0000") + b'] "GET /" '


def apache_error(t):
    return b"[" + wall(t, "%a %b %d %H:%M:%S.") + fraction(t, 6) + wall(t, " %Y") + b"] [core] "


def glog(t):
    return b"I" + wall(t, "%m%d %H:%M:%S.") + fraction(t, 6) + b" 99 a.cc:7] "


def epoch(unit):
    return before(lambda t: b"%d " % (t // unit)), unit


def in_json(key, value):
    return lambda t, text: (b'{"level": {"time": 5}, "%s": %s, "message": %s}' %
                            (key, value(t), json.dumps(text.decode("latin-1")).encode()))


WRITERS = {
    "iso_comma": iso(" ", b",", 3),
    "iso_point": iso("T", b".", 6),
    "iso_utc": iso("T", b".", 9, b"Z"),
    "iso_east": iso("T", b",", 3, b"+02:00", 7200),
    "iso_west": iso("T", b"", 0, b"-0730", -27000),
    "iso_hours": iso(" ", b"", 0, b"-07", -25200),
    "iso_apart": iso(" ", b".", 3, b" +0100", 3600),
    "iso_named": iso(" ", b"", 0, b" UTC"),
    "brackets": iso(" ", b",", 3, around=(b"[", b"]")),
    "rfc5424": iso("T", b".", 6, b"Z", around=(b"<165>1 ", b" host app - - -")),
    "rfc3164": syslog(b""),
    "priority": syslog(b"<13>"),
    "slashes": (before(lambda t: wall(t, "%Y/%m/%d %H:%M:%S ")), SECOND),
    "american": (before(lambda t: wall(t, "%m/%d/%Y %I:%M:%S %p ")), SECOND),
    "access": (before(access), SECOND),
    "error": (before(apache_error), 1000),
    "glog": (before(glog), 1000),
    "epoch_s": epoch(SECOND),
    "epoch_ms": epoch(10**6),
    "epoch_us": epoch(10**3),
    "epoch_ns": epoch(1),
    "epoch_point": (before(lambda t: b"%d.%s " % (t // SECOND, fraction(t, 3))), 10**6),
    "json_ts": (in_json(b"ts", lambda t: b"%d.%s" % (t // SECOND, fraction(t, 6))), 1000),
    "json_time": (in_json(b"time", lambda t: b"%d" % (t // 10**6)), 10**6),
    "json_timestamp": (in_json(b"timestamp", lambda t: b'"' + wall(t, "%Y-%m-%dT%H:%M:%S.") + fraction(t, 3) + b'Z"'), 10**6),
    "json_at": (in_json(b"@timestamp", lambda t: b'"' + wall(t, "%Y-%m-%d %H:%M:%S,") + fraction(t, 3) + b'"'), 10**6),
}
START = calendar.timegm((2023, 12, 31, 22, 30, 0)) * SECOND  # the year changes in the middle
LENGTH = 2 * 3600 * SECOND
JITTER = 900 * 10**6
FUTURE = b"2199-01-01T00:00:00Z ERROR a clock gone wrong\n"

LEVELS = [b"INFO"] * 12 + [b"DEBUG"] * 4 + [b"WARN", b"ERROR", b"Error"]
TEXTS = [b"request %d took %d ms", b"user_%d in session %d", b"retry %d of 3 (id %d)", b"in", b"cache miss; key=%x:%x",
         b"connection reset by peer [%d] {%d}", b"stra\xc3\x9fe %d", b"bytes \xff\xfe %d", b"tab\there %d", b"a.b*c+%d?", b"a1b*c+ %d"]
TRACES = [b"\tat app.Worker.run(Worker.java:%d)", b"Caused by: ERROR number %d", b"", b"  ... %d more", b"}"]


def message(rng):
    text = rng.choice(TEXTS)
    return rng.choice(LEVELS) + b" " + text % tuple(rng.randrange(1000) for _ in range(text.count(b"%")))


def instants(rng, count, jitter):
    """In order but for a little, and often the same in several files."""
    t = START + rng.randrange(60) * SECOND
    for _ in range(count):
        t += rng.choice((0, 0, 1, 2, 5)) * LENGTH // (2 * count) // 10**8 * 10**8
        yield t - (rng.randrange(jitter) // 10**7 * 10**7 if jitter and rng.random() < 0.1 else 0)


def make_log(rng, writer, precision, count, truths=None, jitter=JITTER, traces=True):
    lines = []

    def add(line, truth):
        lines.append(line)
        if truths is not None:
            truths.append(truth)

    for t in instants(rng, count, jitter):
        t -= t % precision
        add(writer(t, message(rng)), t)
        if traces and rng.random() < 0.05:
            for _ in range(rng.choice((1, 2, 3, 3, 60))):
                trace = rng.choice(TRACES)
                add(trace % tuple([7] * trace.count(b"%")), None)
    return lines


def put(folder, name, lines, end=b"\n", last=True, written=START + LENGTH + 3600 * SECOND, pack=None):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    content = end.join(lines) + (end if last and lines else b"")
    with open(path, "wb") as f:
        f.write(pack(content) if pack else content)
    os.utime(path, ns=(written, written))
    return path


def zstd(content):
    return subprocess.run(["zstd", "-c"], input=content, stdout=subprocess.PIPE, check=True, timeout=LONGEST_WAIT).stdout


def make_hosts(rng, top):
    folders = {name: os.path.join(top, name) for name in ("alpha", "bravo", "charlie", "delta")}
    for i, (name, (writer, precision)) in enumerate(WRITERS.items()):
        folder = folders[("alpha", "bravo", "charlie")[i % 3]]
        lines = make_log(rng, writer, precision, rng.randrange(200, 500))
        put(folder, ("" if i % 4 else "old/") + name + ".log", lines)
    log = functools.partial(make_log, rng)
    put(folders["alpha"], "large.log", log(*WRITERS["iso_comma"], 9000))  # more than a block, and than lines may wait
    put(folders["bravo"], "large.log", log(*WRITERS["rfc3164"], 9000))
    put(folders["charlie"], "late.log", log(*WRITERS["iso_utc"], 300)[250:])
    odd = folders["delta"]
    put(odd, "crlf.log", log(*WRITERS["iso_point"], 200), end=b"\r\n")
    put(odd, "empty.log", [])
    put(odd, "empty_lines.log", [b"", b"", b""])
    put(odd, "no_end.log", log(*WRITERS["brackets"], 200), last=False)
    put(odd, "nul.log", [line + b"\0 ERROR" if i % 7 == 0 else line for i, line in enumerate(log(*WRITERS["iso_utc"], 200))])
    put(odd, "future.log", [FUTURE[:-1]] + log(*WRITERS["iso_utc"], 100) + [FUTURE[:-1]] + log(*WRITERS["iso_utc"], 50)[40:])
    put(odd, "no_times.log", [b"ERROR %d" % i for i in range(50)], written=START + LENGTH // 3 + 123)
    put(odd, "late_times.log", [b"WARN " + b"x" * 1000] * 1100 + log(*WRITERS["iso_utc"], 20), written=START + LENGTH // 2)
    put(odd, "head.log", [b"ERROR before any time", b""] + log(*WRITERS["error"], 100))
    put(odd, "mark.log", [b"\xef\xbb\xbf" + log(*WRITERS["iso_utc"], 5)[0]] + log(*WRITERS["iso_utc"], 50))
    put(odd, "changes.log", log(*WRITERS["iso_utc"], 100) + log(*WRITERS["glog"], 200, traces=False))
    both = zip(log(*WRITERS["rfc3164"], 100, traces=False), log(*WRITERS["iso_hours"], 100, traces=False))
    put(odd, "two_formats.log", [line for pair in both for line in pair])
    put(odd, "packed.gz", log(*WRITERS["iso_utc"], 600), pack=gzip.compress)
    put(odd, "packed.bz2", log(*WRITERS["access"], 600), pack=bz2.compress)
    put(odd, "two_members.log", log(*WRITERS["epoch_ms"], 600), pack=lambda c: gzip.compress(c[:999]) + gzip.compress(c[999:]))
    if shutil.which("zstd"):
        put(odd, "packed.zst", log(*WRITERS["glog"], 600), pack=zstd)
    alone = put(top, "alone.log", log(*WRITERS["iso_east"], 300))
    return [Host(name, folders[name]) for name in ("charlie", "alpha", "delta", "bravo")] + [Host("echo", alone)]


# ---- the program ----------------------------------------------------------------------------------------------------

DGREP = None


def run(command, **environment):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LONGEST_WAIT,
                          env={**os.environ, "LC_ALL": "C", "TZ": "UTC", **environment})


class Compared(unittest.TestCase):
    def check_same(self, got, expected, what):
        """Lists: where they begin to differ, not all of them."""
        if got == expected:
            return
        i = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), min(len(got), len(expected)))
        self.fail(f"{what}\n{len(got)} are there, {len(expected)} are expected; the first difference is number {i}:\n"
                  f"  there:    {[x for x in got[i:i + 3]]!r:.1500}\n  expected: {[x for x in expected[i:i + 3]]!r:.1500}")

    def check_status(self, done, any_line, what):
        self.assertEqual(done.returncode, 0 if any_line else 1, f"{what}\n{done.stderr.decode(errors='replace')}")
        rest = [line for line in done.stderr.splitlines() if not line.endswith(b"has NUL bytes: is it a log?")]
        self.assertEqual(rest, [], what)

    def check_order(self, hosts, pattern, options=(), environment=None, **how):
        what = f"dgrep {' '.join(options)} {pattern!r}"
        matcher = re.compile(pattern.encode()).search
        expected = search(hosts, matcher, **how)
        zone = [] if "--zone" in options else ["--zone", "utc"]
        done = run([DGREP, "-e", pattern, *zone, *options, *(h.word() for h in hosts)], **(environment or {}))
        got = [line + b"\n" for line in done.stdout.split(b"\n")[:-1]]
        self.check_same(got, as_text(expected, how.get("before", 0) + how.get("after", 0)), what + done.stderr.decode(errors="replace"))
        self.check_status(done, expected, what)
        return expected

    def check_json(self, hosts, pattern, options=(), **how):
        what = f"dgrep --json {' '.join(options)} {pattern!r}"
        expected = search(hosts, re.compile(pattern.encode()).search, **how)
        done = run([DGREP, "--json", "-e", pattern, "--zone", "utc", *options, *(h.word() for h in hosts)])
        records = [json.loads(line) for line in done.stdout.split(b"\n")[:-1]]
        self.assertTrue(records, f"{what}\n{done.stderr.decode(errors='replace')}")
        self.check_same(records[:-1], [as_record(x) for x in expected], what)
        summary = records[-1]["summary"]
        self.assertTrue(summary["complete"], what)
        if "limit" not in how:
            self.assertEqual([(h["name"], h["files"]) for h in summary["hosts"]], [(h.name, len(h.files)) for h in hosts])
        self.check_status(done, expected, what)

    def check_grep(self, hosts, queries):
        """hosts: of one file each, under the name by which grep finds its lines."""
        words = [f"{name}={path}" for name, (path, _) in hosts.items()]
        plain = {os.fsencode(there): name for name, (_, there) in hosts.items()}
        lines = 0
        for options, only_count in queries:
            what = "dgrep " + " ".join(map(repr, options))
            syntax = [] if "-F" in options else ["-E"]
            grep = run(["grep", "-acHZ", *syntax, *options, "--", *map(os.fsdecode, plain)])
            self.assertLess(grep.returncode, 2, f"{what}\n{grep.stderr.decode(errors='replace')}")
            expected = {plain[path]: int(n) for path, n in (line.split(b"\0") for line in grep.stdout.splitlines())}
            done = run([DGREP, "-c", *options, *words])
            got = {line.split(":")[0]: int(line.rsplit(":", 1)[1]) for line in map(os.fsdecode, done.stdout.splitlines())}
            self.check_same(sorted(got.items()), sorted(expected.items()), what + " -c")
            self.check_status(done, grep.returncode == 0, what)
            if only_count:
                continue
            grep = run(["grep", "-anHZ", *syntax, *options, "--", *map(os.fsdecode, plain)])
            expected, got = {}, {}
            for line in grep.stdout.split(b"\n")[:-1]:
                path, _, rest = line.partition(b"\0")
                expected.setdefault(plain[path], []).append(rest)
            done = run([DGREP, *options, *words])
            for line in done.stdout.split(b"\n")[:-1]:
                name, _, rest = line.split(b":", 2)
                got.setdefault(name.decode(), []).append(rest)
                lines += 1
            for name, (path, _) in hosts.items():
                self.check_same(got.get(name, []), expected.get(name, []), f"{what} in {path}")
            self.check_status(done, grep.returncode == 0, what)
        return lines


def for_grep(files, folder):
    """Each file as a host, and what grep is to read in its place."""
    hosts = {}
    for i, file in enumerate(files):
        plain = os.path.join(folder, str(i))
        with open(plain, "wb") as f:
            f.write(unpacked(file))
        hosts[f"h{i}"] = file, plain
    return hosts


QUERIES = [  # and whether it finds so much that counting will do
    (["ERROR"], False),
    (["-i", "error"], False),
    (["-F", "a.b*c+"], False),
    (["-F", "-i", "-e", "[CORE]"], False),
    (["-w", "in"], False),
    (["-w", "-i", "ERROR|in|user"], False),
    (["-w", "-F", "reset"], False),
    (["-v", "INFO"], True),
    (["-v", "-m", "7", "e"], False),
    (["-v", "-i", "-w", "INFO|at|the"], True),
    (["-e", "ERROR", "-e", "WARN", "-e", "took 9[0-9]+"], False),
    (["-F", "-e", "Caused by", "-e", "}", "-e", "ERROR"], False),
    (["-m", "3", "o"], False),
    (["-m", "1", "-i", "warn"], False),
    (["ERROR|WARN|FATAL|refused|failed"], False),
    (["took [1-9][0-9]* ms|key=[0-9a-f]+:f"], False),
    (["(retry|Rolled) .*[0-9]$"], False),
    (["[q-z]{13}[0-9]{3}"], False),
    (["^[[][0-9]+"], True),
    (["^\\["], True),
    (["^$"], False),
    (["[.)]$"], True),
    (["^.{200,300}$"], False),
    ([":0[0-4]:.*ERROR"], False),
    (["by|in| a1b[*]c"], True),
    (["-e", ""], True),
    (["-v", "x*"], False),
    (["stra\u00dfe"], False),
    (["NoSuchThingAtAll"], False),
    (["-i", "nosuchthing(at|of)all|neitherthis"], False),
    (["x*"], True),
    (["(a|b|c|d)(e|f).(g|h|i)"], False),
]


class Generated(Compared):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="dgrep-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.hosts = make_hosts(random.Random(20161219), os.path.join(cls.folder.name, "logs"))

    def test_the_times_that_are_written_here_are_those_that_are_read_here(self):
        rng = random.Random(7)
        for name, (writer, precision) in WRITERS.items():
            truths = []
            lines = make_log(rng, writer, precision, 300, truths)
            times = Times(START + LENGTH, UTC, time.time_ns())
            for line, truth in zip(lines, truths):
                self.assertEqual(times.read(line), truth, f"{name}: {line!r}")

    def test_grep_finds_the_same_lines(self):
        folder = os.path.join(self.folder.name, "plain")
        os.makedirs(folder)
        files = for_grep([f.path for h in self.hosts for f in h.files], folder)
        self.assertGreater(self.check_grep(files, QUERIES), 1000)

    def test_all_lines_are_in_the_order_of_the_times(self):
        self.assertGreater(len(self.check_order(self.hosts, "")), 20000)

    def test_matching_lines_are_in_the_order_of_the_times(self):
        for pattern in ("ERROR|WARN", "took [0-9]* ms", "Caused", "NoSuchThing"):
            for threads in ("1", "3"):
                self.check_order(self.hosts, pattern, ["-j", threads])

    def test_the_order_of_the_arguments_decides_among_equal_times(self):
        self.check_order(self.hosts[::-1], "ERROR|WARN")

    def test_at_most_so_many_of_each_file(self):
        self.check_order(self.hosts, "ERROR", ["-m", "4"], most=4)

    def test_records_say_the_same(self):
        self.check_json(self.hosts, "ERROR|bytes")

    def test_records_of_context_say_the_same(self):
        self.check_json(self.hosts, "ERROR", ["-A", "2", "-B", "1"], after=2, before=1)

    def test_context_stays_with_its_line(self):
        self.check_order(self.hosts, "ERROR", ["-A", "2"], after=2)
        self.check_order(self.hosts, "ERROR", ["-B", "3"], before=3)
        self.check_order(self.hosts, "took 9", ["-C", "4"], before=4, after=4)
        self.check_order(self.hosts, "ERROR", ["-C", "1", "-m", "3"], before=1, after=1, most=3)

    def test_the_first_and_the_last_of_all(self):
        for n in (1, 10, 5000):
            self.check_order(self.hosts, "ERROR|WARN", ["--limit", str(n)], limit=n)
            self.check_order(self.hosts, "ERROR|WARN", ["--tail", str(n)], tail=n)
        self.check_json(self.hosts, "ERROR|WARN", ["--limit", "5"], limit=5)
        self.check_json(self.hosts, "ERROR|WARN", ["--tail", "5"], tail=5)

    def test_the_first_of_all_with_their_context(self):
        self.check_order(self.hosts, "ERROR", ["--limit", "6", "-A", "2"], limit=6, after=2)
        self.check_order(self.hosts, "ERROR", ["--limit", "6", "-B", "2"], limit=6, before=2)
        self.check_order(self.hosts, "ERROR", ["--limit", "6", "-C", "3"], limit=6, before=3, after=3)

    def test_the_last_of_all_with_their_context(self):
        self.check_order(self.hosts, "ERROR", ["--tail", "6", "-A", "2"], tail=6, after=2)
        self.check_order(self.hosts, "ERROR", ["--tail", "6", "-B", "2"], tail=6, before=2)
        self.check_order(self.hosts, "ERROR", ["--tail", "6", "-C", "3"], tail=6, before=3, after=3)

    def test_no_earlier_and_no_later_ones(self):
        since, until = START + 20 * 60 * SECOND, START + 70 * 60 * SECOND
        at = [as_stamp(t)[:19] for t in (since, until)]
        self.check_order(self.hosts, "", ["--since", at[0]], since=since)
        self.check_order(self.hosts, "ERROR|WARN", ["--until", at[1]], until=until)
        both = {"since": since, "until": until}
        self.check_order(self.hosts, "ERROR", ["--since", at[0], "--until", at[1], "-C", "1"], before=1, after=1, **both)
        self.check_order(self.hosts, "ERROR", ["--since", at[1], "--until", at[0]], since=until, until=since)

    def test_a_little_disorder_is_put_in_order(self):
        hosts = [h for h in self.hosts if h.name != "delta"]  # there, some are behind by more
        self.check_order(hosts, "", ["--reorder", "1s"], reorder=True)
        self.check_order(hosts, "ERROR", ["--reorder", "1s", "-C", "1"], reorder=True, before=1, after=1)
        self.check_json(hosts, "WARN", ["--reorder", "1s", "--tail", "30"], reorder=True, tail=30)

    def test_a_zone_is_assumed_where_none_is_said(self):
        east = fixed_zone(20700 * SECOND)
        self.check_order(self.hosts, "ERROR|WARN", ["--zone", "+05:45"], zone=east)
        self.check_order(self.hosts, "ERROR|WARN", ["--zone", "local"], {"TZ": "<+0545>-05:45"}, zone=east)


def central_european(wall):
    """A time that is there twice is the earlier one, one that is skipped is as far after the jump as it says."""
    def east(utc):
        year = time.gmtime(utc // SECOND).tm_year

        def last_sunday(month):
            day = datetime.date(year, month, 31)
            day -= datetime.timedelta((day.weekday() + 1) % 7)
            return calendar.timegm((year, month, day.day, 1, 0, 0)) * SECOND
        return (2 if last_sunday(3) <= utc < last_sunday(10) else 1) * 3600 * SECOND
    fitting = [wall - e for e in (2 * 3600 * SECOND, 3600 * SECOND) if east(wall - e) == e]
    return fitting[0] if fitting else wall - 3600 * SECOND


class Clocks(Compared):
    def test_clocks_are_set(self):
        with tempfile.TemporaryDirectory(prefix="dgrep-") as folder:
            for name, start in (("spring", (2024, 3, 31, 0, 0, 0)), ("autumn", (2024, 10, 27, 0, 0, 0))):
                at = calendar.timegm(start)
                for i, step in enumerate((307, 613)):
                    lines = [wall((at + s) * SECOND, "%Y-%m-%d %H:%M:%S line") for s in range(i, 18000, step)]
                    put(folder, f"{name}{i}.log", lines)
            hosts = [Host("here", folder)]
            for rule in ("CET-1CEST,M3.5.0,M10.5.0/3", "Europe/Berlin"):
                if "/" in rule[:7] and not os.path.exists("/usr/share/zoneinfo/" + rule):
                    continue
                self.check_order(hosts, "line", ["--zone", "local"], {"TZ": rule}, zone=central_european)


@unittest.skipUnless(os.environ.get("DGREP_DATA"), "DGREP_DATA names no folder of real logs")
class Data(Compared):
    @classmethod
    def setUpClass(cls):
        top = os.environ["DGREP_DATA"]
        cls.folder = tempfile.TemporaryDirectory(prefix="dgrep-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.paths, cls.hosts = [], []
        for folder, below, names in sorted(os.walk(top)):
            paths = [os.path.join(folder, n) for n in sorted(names)]
            paths = [p for p in paths if os.path.isfile(p) and can_unpack(p)]
            cls.paths += paths
            whole = len(paths) == len(names) and not below
            for part in [folder] if whole else paths:
                cls.hosts.append(Host(f"h{len(cls.hosts)}", part))
        cls.hosts = [h for h in cls.hosts if h.files]

    def test_grep_finds_the_same_lines(self):
        self.check_grep(for_grep(self.paths, self.folder.name), QUERIES)
        print(f"\n{len(self.paths)} files were compared with grep", file=sys.stderr)

    def test_lines_are_in_the_order_of_the_times(self):
        self.check_order(self.hosts, "")
        self.check_order(self.hosts, "ERROR|WARN|failed")
        self.check_order(self.hosts, "Exception", ["-C", "2"], before=2, after=2)
        files = [f for h in self.hosts for f in h.files]
        timed = sum(f.events(UTC)[1] for f in files)
        print(f"\n{len(files)} files were compared in order, {timed} of them by their own times", file=sys.stderr)

    def test_records_say_the_same(self):
        self.check_json(self.hosts, "ERROR|failed")
        self.check_json(self.hosts, "ERROR", ["--tail", "100"], tail=100)

    def test_a_time_range_is_respected(self):
        since, until = (calendar.timegm(d) * SECOND for d in ((2016, 12, 19, 18, 0, 0), (2023, 4, 1, 0, 0, 0)))
        self.check_order(self.hosts, "o", ["--since", as_stamp(since)[:19], "--until", as_stamp(until)[:19]], since=since, until=until)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    DGREP = sys.argv.pop(1)
    unittest.main(verbosity=2)
