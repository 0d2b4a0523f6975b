#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What only a whole process shows: signals, deadlines, pipes, and files that change, vanish or may not be read.

usage: end_to_end.py DGREP [unittest options]

Nothing sleeps: a test goes on when it has read what it waits for. A process that does not end in time is killed, and its test fails.
"""
import base64
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

IN_TIME = 30  # seconds: never reached, unless something hangs
HOLE = 4 << 40  # takes minutes to read, and no space
DGREP = None


def stamp(i):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_482_148_800 + i))


def lines_of(name, count, step=1, first=0):
    return [f"{stamp(first + i * step)} ERROR {name} line {i} {'.' * 60}" for i in range(count)]


class Running:
    """A dgrep whose output is read when the test says so."""

    def __init__(self, arguments, program=None, **how):
        self.process = subprocess.Popen([program or DGREP, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env={**os.environ, "TZ": "UTC", "LC_ALL": "C"},
                                        start_new_session=True, **how)
        self.read = b""

    def kill(self):
        """With all that it may have started, as it does where a wrapper is tested."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def read_lines(self, count):
        deadline = time.monotonic() + IN_TIME
        while self.read.count(b"\n") < count:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            # One byte at a time, so that the pipe stays as full as it is.
            more = os.read(self.process.stdout.fileno(), 1) if ready else b""
            if not more:
                self.end()
                raise AssertionError(f"there are no {count} lines, but {self.read!r:.500}")
            self.read += more
        return self.read

    def end(self, within=IN_TIME):
        """The exit status, stdout as a list of lines, and stderr."""
        try:
            out, err = self.process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            self.kill()
            out, err = self.process.communicate()
            raise AssertionError(f"it did not end within {within} s, but wrote {self.read + out!r:.500} and {err!r:.500}") from None
        out = self.read + out
        if out and not out.endswith(b"\n"):
            raise AssertionError(f"the last line is not whole: {out[-200:]!r}")
        return self.process.returncode, out.split(b"\n")[:-1], err.decode(errors="backslashreplace")


class Case(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="dgrep-")
        self.addCleanup(self.remove)
        os.chmod(self.top, 0o755)

    def remove(self):
        for folder, names, _ in os.walk(self.top):
            for name in names:
                if not os.path.islink(os.path.join(folder, name)):
                    os.chmod(os.path.join(folder, name), 0o755)
        shutil.rmtree(self.top)

    def put(self, name, lines):
        path = os.path.join(self.top, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write("".join(line + "\n" for line in lines).encode())
        return path

    def put_endless(self, name, lines):
        path = self.put(name, lines)
        try:
            os.truncate(path, HOLE)
        except OSError as e:
            self.skipTest(f"the file system has no files of 4 TiB: {e}")
        return path

    def start(self, *arguments, **how):
        running = Running(arguments, cwd=self.top, **how)
        self.addCleanup(self.stop, running)
        return running

    @staticmethod
    def stop(running):
        running.kill()
        for stream in (running.process.stdout, running.process.stderr):
            stream.close()
        running.process.wait()

    def run_it(self, *arguments, **how):
        return self.start(*arguments, **how).end()

    def check(self, got, status, lines, *named):
        """`named`: what stderr says, a part of each of its lines, in any order."""
        was, out, err = got
        self.assertEqual([line.decode(errors="backslashreplace") for line in out], lines, err)
        self.assertEqual(was, status, err)
        said = err.splitlines()
        for part in named:
            one = next((line for line in said if part in line), None)
            self.assertIsNotNone(one, f"nobody says {part!r}: {err}")
            said.remove(one)
        rest = [line for line in said if "NUL bytes" not in line and "longer than 1 MiB" not in line]  # as the hole has
        self.assertEqual(rest, [])


def numbered(host, file, lines):
    return [f"{host}:{file}:{i + 1}:{line}" for i, line in enumerate(lines)]


class Interrupted(Case):
    def test_ctrl_c_ends_the_search_and_names_who_was_stopped(self):
        self.put_endless("one/endless.log", lines_of("endless", 1))
        self.put("two/short.log", lines_of("short", 1))
        for which in (signal.SIGINT, signal.SIGTERM):
            dgrep = self.start("ERROR", "one", "two")
            dgrep.read_lines(1)
            dgrep.process.send_signal(which)
            status, out, err = dgrep.end(within=20)
            self.assertEqual(status, 3, err)
            self.assertEqual(out[0].decode(), numbered("one", "endless.log", lines_of("endless", 1))[0])
            self.assertRegex(err, r"(?m)^dgrep: one: stopped before the end of 1 file$")

    def test_what_is_not_final_is_not_printed(self):
        first = lines_of("endless", 1)
        self.put_endless("one/endless.log", first)
        self.put("two/later.log", lines_of("later", 3, first=1000))
        dgrep = self.start("ERROR", "one", "two")
        dgrep.read_lines(1)
        dgrep.process.send_signal(signal.SIGINT)
        status, out, err = dgrep.end(within=20)
        self.assertEqual((status, [line.decode() for line in out]), (3, numbered("one", "endless.log", first)), err)

    def test_a_terminal_is_told_how_far_it_is(self):
        self.put_endless("one/endless.log", lines_of("endless", 1))
        master, terminal = pty.openpty()
        dgrep = subprocess.Popen([DGREP, "-c", "ERROR", "one"], stdout=subprocess.DEVNULL, stderr=terminal, cwd=self.top)
        os.close(terminal)
        said = b""
        while b"waiting for one/endless.log" not in said:
            self.assertTrue(select.select([master], [], [], IN_TIME)[0], said)
            said += os.read(master, 4096)
        self.assertRegex(said, rb"0 of 1 files, [0-9]+ MB, [0-9]+ MB/s, [0-9]+ lines")
        dgrep.send_signal(signal.SIGUSR1)
        while b"fanout: 1 of 1 branches outstanding" not in said:
            self.assertTrue(select.select([master], [], [], IN_TIME)[0], said)
            said += os.read(master, 4096)
        dgrep.send_signal(signal.SIGINT)
        self.assertEqual(dgrep.wait(timeout=IN_TIME), 3)
        os.close(master)

    def test_the_summary_says_who_was_stopped(self):
        self.put_endless("one/endless.log", lines_of("endless", 1))
        dgrep = self.start("--json", "ERROR", "one")
        dgrep.read_lines(1)
        dgrep.process.send_signal(signal.SIGTERM)
        status, out, err = dgrep.end(within=20)
        self.assertEqual((status, len(out)), (3, 2), err)
        summary = json.loads(out[1])["summary"]
        self.assertFalse(summary["complete"])
        self.assertEqual(summary["hosts"][0]["incomplete"], [{"file": "endless.log", "state": "stopped"}])
        self.assertEqual(summary["hosts"][0]["matches"], 1)

    def test_a_count_is_stopped_too(self):
        self.put_endless("one/endless.log", lines_of("endless", 1))
        self.put("one/short.log", lines_of("short", 2))
        # Nothing is printed before the end. Blocked signals stay pending, so that it need not be awaited that it has begun; but one
        # that comes before they are blocked ends the process.
        dgrep = self.start("-c", "ERROR", "one", preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT]))
        dgrep.process.send_signal(signal.SIGINT)
        status, _, err = dgrep.end(within=20)
        self.assertEqual(status, 3, err)
        self.assertRegex(err, r"one: (one: stopped before its files were listed|stopped before the end of [12] file)")

    def test_a_signal_while_nobody_reads_the_output_counts_when_somebody_does(self):
        lines = lines_of("endless", 20000)
        self.put_endless("one/endless.log", lines)
        dgrep = self.start("ERROR", "one")
        dgrep.read_lines(1)
        dgrep.process.send_signal(signal.SIGINT)
        status, out, err = dgrep.end(within=20)
        self.assertEqual(status, 3, err)
        self.assertEqual([line.decode() for line in out], numbered("one", "endless.log", lines)[:len(out)])
        self.assertIn("one: stopped before the end of 1 file", err)

    @unittest.skipUnless(os.path.exists("/proc/self/status"), "says which signals are pending")
    def test_a_second_signal_ends_the_program_while_nobody_reads_the_output(self):
        self.put_endless("one/endless.log", lines_of("endless", 20000))  # more than a pipe holds
        dgrep = self.start("ERROR", "one")
        dgrep.read_lines(1)
        dgrep.process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + IN_TIME
        while True:  # until the first has been taken: two of a kind that are pending are one
            with open(f"/proc/{dgrep.process.pid}/status") as status:
                pending = int(re.search(r"^ShdPnd:\s*([0-9a-f]+)$", status.read(), re.MULTILINE)[1], 16)
            if not pending & 1 << (signal.SIGINT - 1):
                break
            self.assertLess(time.monotonic(), deadline)
        self.assertIsNone(dgrep.process.poll())
        dgrep.process.send_signal(signal.SIGTERM)
        self.assertEqual(dgrep.process.wait(timeout=IN_TIME), 130)


class Late(Case):
    def test_a_deadline_names_what_is_missing(self):
        short = lines_of("short", 2)
        self.put_endless("one/endless.log", lines_of("endless", 1, first=5))
        self.put("two/short.log", short)
        expected = numbered("two", "short.log", short) + numbered("one", "endless.log", lines_of("endless", 1, first=5))
        self.check(self.run_it("--timeout", "1s", "ERROR", "one", "two"), 3, expected,
                   "one: the deadline came before the end of endless.log")
        status, out, err = self.run_it("--json", "--timeout", "1s", "ERROR", "one", "two")
        self.assertEqual(status, 3, err)
        summary = json.loads(out[-1])["summary"]
        self.assertFalse(summary["complete"])
        one, two = summary["hosts"]
        self.assertEqual(one["incomplete"], [{"file": "endless.log", "state": "deadline"}])
        self.assertNotIn("incomplete", two)
        self.assertEqual([json.loads(line)["file"] for line in out[:-1]], ["short.log", "short.log", "endless.log"])

    def test_a_deadline_of_hosts_leaves_out_the_late_one_only(self):
        late, after, before = lines_of("endless", 1, first=5), lines_of("after", 500, first=100), lines_of("before", 3)
        self.put_endless("one/endless.log", late)
        self.put("two/after.log", after)
        self.put("two/before.log", before)
        expected = numbered("two", "before.log", before) + numbered("one", "endless.log", late) + numbered("two", "after.log", after)
        self.check(self.run_it("--host-timeout", "2s", "ERROR", "one", "two"), 3, expected,
                   "one: the deadline came before the end of endless.log")

    def test_a_count_has_a_deadline(self):
        self.put_endless("one/endless.log", lines_of("endless", 1))
        self.put("two/short.log", lines_of("short", 2))
        status, out, err = self.run_it("-c", "--timeout", "1s", "ERROR", "one", "two")
        self.assertEqual(status, 3, err)
        self.assertIn(b"two:short.log:2", out)
        self.assertIn("one: the deadline came before the end of endless.log", err)

    def test_enough_is_no_matter_of_time(self):
        self.put_endless("one/endless.log", lines_of("endless", 1))
        line = numbered("one", "endless.log", lines_of("endless", 1))
        for options, expected in ((["--limit", "1"], line), (["-m", "1"], line), (["-q"], []), (["-l"], ["one:endless.log"])):
            self.check(self.run_it(*options, "ERROR", "one"), 0, expected)


class Pipes(Case):
    def test_a_reader_that_goes_away_ends_it_without_a_word(self):
        self.put("one/a.log", lines_of("a", 100_000))
        self.put("two/b.log", lines_of("b", 100_000))
        for options in ([], ["--json"], ["-C", "1"], ["-j", "1"]):
            dgrep = self.start(*options, "ERROR", "one", "two")
            dgrep.read_lines(1)
            dgrep.process.stdout.close()
            _, err = dgrep.process.communicate(timeout=IN_TIME)
            self.assertEqual(err, b"")
            self.assertIn(dgrep.process.returncode, (0, -signal.SIGPIPE))

    def test_a_slow_reader_loses_nothing(self):
        lines = lines_of("a", 30_000)
        self.put("one/a.log", lines)
        dgrep = self.start("ERROR", "one")
        dgrep.read_lines(1)
        self.check(dgrep.end(), 0, numbered("one", "a.log", lines))


class Unreadable(Case):
    def setUp(self):
        super().setUp()
        self.as_whom = {}
        if os.geteuid() == 0:  # who may read everything
            self.as_whom = {"user": 65534, "group": 65534, "extra_groups": [], "program": os.path.join(self.top, "dgrep")}
            shutil.copy(DGREP, self.as_whom["program"])
            os.chmod(self.as_whom["program"], 0o755)
        self.lines = lines_of("good", 3)
        self.put("one/good.log", self.lines)
        self.expected = numbered("one", "good.log", self.lines)

    def test_a_file_that_may_not_be_read_is_named(self):
        os.chmod(self.put("one/secret.log", self.lines), 0)
        for options in ([], ["-j", "1"]):
            self.check(self.run_it(*options, "ERROR", "one", **self.as_whom), 3, self.expected,
                       "one: secret.log: cannot be opened: Permission denied")
        status, out, err = self.run_it("-c", "ERROR", "one", **self.as_whom)
        self.assertEqual(status, 3, err)
        self.assertIn(b"one:good.log:3", out)
        self.assertIn("one: secret.log: cannot be opened: Permission denied", err)
        status, out, _ = self.run_it("--json", "ERROR", "one", **self.as_whom)
        self.assertEqual(status, 3)
        (trouble,) = json.loads(out[-1])["summary"]["hosts"][0]["incomplete"]
        self.assertEqual((trouble["file"], trouble["state"]), ("secret.log", "failed"))
        self.assertIn("Permission denied", trouble["why"])

    def test_a_folder_that_may_not_be_read_is_named(self):
        self.put("one/closed/a.log", self.lines)
        os.chmod(os.path.join(self.top, "one/closed"), 0)
        self.check(self.run_it("ERROR", "one", **self.as_whom), 3, self.expected, "closed: Permission denied")

    def test_a_host_that_may_not_be_read_is_named(self):
        self.put("two/a.log", self.lines)
        os.chmod(os.path.join(self.top, "two"), 0)
        self.check(self.run_it("ERROR", "one", "two", **self.as_whom), 3, self.expected, "dgrep: two: two: Permission denied")
        self.check(self.run_it("ERROR", "two", **self.as_whom), 2, [], "dgrep: two: two: Permission denied")


class Folders(Case):
    def setUp(self):
        super().setUp()
        self.lines = lines_of("good", 3)
        self.put("one/good.log", self.lines)
        self.expected = numbered("one", "good.log", self.lines)

    def link(self, to, name):
        os.symlink(to, os.path.join(self.top, name))

    def test_links_that_lead_nowhere_are_named(self):
        self.link("nowhere", "one/broken.log")
        self.link("loop.log", "one/loop.log")
        self.check(self.run_it("ERROR", "one"), 3, self.expected, "one: broken.log: is a link to nothing",
                   "one: loop.log: is a link that leads back to itself")

    def test_folders_that_lead_round_in_circles_end(self):
        os.mkdir(os.path.join(self.top, "one/below"))
        self.link("..", "one/below/up")
        self.link(".", "one/self")
        self.check(self.run_it("ERROR", "one"), 0, self.expected)

    def test_a_file_that_has_two_names_is_searched_once(self):
        self.link("good.log", "one/link.log")
        os.link(os.path.join(self.top, "one/good.log"), os.path.join(self.top, "one/hard.log"))
        self.check(self.run_it("ERROR", "one"), 0, self.expected)

    def test_a_pipe_and_a_socket_hold_nobody_up(self):
        os.mkfifo(os.path.join(self.top, "one/pipe"))
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(os.path.join(self.top, "one/socket"))
            status, out, err = self.run_it("ERROR", "one")
        self.assertEqual([line.decode() for line in out], self.expected)
        # Either may be: but what makes it incomplete is named.
        self.assertEqual(status, 3 if err else 0, err)

    def test_a_link_to_a_pipe_is_named(self):
        os.mkfifo(os.path.join(self.top, "pipe"))
        self.link("../pipe", "one/link")
        self.link("/dev/zero", "one/zero")
        self.check(self.run_it("ERROR", "one"), 3, self.expected, "link: is a named pipe, not a file", "zero: is a device, not a file")
        self.check(self.run_it("ERROR", "pipe"), 2, [], "pipe: is a named pipe, not a file")

    def test_a_host_that_is_not_there_is_named(self):
        self.check(self.run_it("ERROR", "one", "two=gone"), 3, self.expected, "dgrep: two: gone: No such file or directory")
        self.check(self.run_it("ERROR", "two=gone"), 2, [], "dgrep: two: gone: No such file or directory")


class Changing(Case):
    """One thread searches, and is held up in the first file by a pipe that nobody reads."""

    def held_up(self, *hosts):
        dgrep = self.start("-j", "1", "ERROR", *hosts)
        dgrep.read_lines(1)
        return dgrep

    def test_a_file_that_is_cut_is_named(self):
        lines = lines_of("a", 300_000)
        path = self.put("one/a.log", lines)
        dgrep = self.held_up("one")
        os.truncate(path, 4096)  # more was read: half a MiB at once
        status, out, err = dgrep.end()
        self.assertEqual(status, 3, err)
        self.assertIn("one: a.log: is shorter than what was read of it", err)
        expected = numbered("one", "a.log", lines)
        self.assertEqual([line.decode() for line in out[:-1]], expected[:len(out) - 1])
        self.assertTrue(expected[len(out) - 1].startswith(out[-1].decode()), out[-1])  # it may be cut, too
        self.assertGreater(len(out), 100)

    def test_a_file_that_is_rotated_is_read_to_its_end(self):
        lines = lines_of("a", 30_000)
        path = self.put("one/a.log", lines)
        dgrep = self.held_up("one")
        os.rename(path, path + ".1")
        self.put("one/a.log", ["2016-12-20T00:00:00Z ERROR new"])
        self.check(dgrep.end(), 0, numbered("one", "a.log", lines))

    def test_a_file_that_is_rotated_before_its_turn_is_not_lost(self):
        first, old = lines_of("a", 30_000), lines_of("b", 20, first=40_000)
        self.put("one/a.log", first)
        path = self.put("one/b.log", old)
        dgrep = self.held_up("one")
        os.rename(path, path + ".1")
        self.put("one/b.log", lines_of("new", 3, first=50_000))
        status, out, err = dgrep.end()
        expected = [line.encode() for line in numbered("one", "a.log", first)]
        self.assertEqual(out[:len(first)], expected, err)
        if status == 3:
            self.assertIn("b.log", err)
        else:
            self.assertEqual((status, [line.decode() for line in out[len(first):]]), (0, numbered("one", "b.log", old)), err)

    def test_a_file_that_vanishes_before_its_turn_is_named(self):
        first = lines_of("a", 30_000)
        self.put("one/a.log", first)
        self.put("two/b.log", lines_of("b", 20))
        dgrep = self.held_up("one", "two")
        os.rename(os.path.join(self.top, "two"), os.path.join(self.top, "away"))
        status, out, err = dgrep.end()
        of_one = [line.decode() for line in out if line.startswith(b"one:")]
        self.assertEqual(of_one, numbered("one", "a.log", first))
        of_two = len(out) - len(of_one)  # all, if it was held open
        self.assertEqual((status, of_two), (3, 0) if "two: b.log" in err else (0, 20), err)

    def test_lines_that_are_added_meanwhile_do_no_harm(self):
        lines = lines_of("a", 30_000)
        path = self.put("one/a.log", lines)
        dgrep = self.held_up("one")
        more = lines_of("more", 10, first=60_000)
        with open(path, "a") as f:
            f.write("".join(line + "\n" for line in more))
        self.check(dgrep.end(), 0, numbered("one", "a.log", lines + more))


class Options(Case):
    def setUp(self):
        super().setUp()
        self.a = [f"{stamp(0)} INFO erroneous", f"{stamp(1)} ERROR one two", f"{stamp(2)} WARN no ERRORS"]
        self.b = [f"{stamp(1)} error two", f"{stamp(5)} INFO"]
        self.put("one/a.log", self.a)
        self.put("two/sub/b.log", self.b)

    def lines(self, *which):
        hosts = {"a": ("one", "a.log", self.a), "b": ("two", "sub/b.log", self.b)}
        return ["{}:{}:{}:{}".format(*hosts[w[0]][:2], w[1], hosts[w[0]][2][int(w[1]) - 1]) for w in which]

    def check_lines(self, options, *which):
        self.check(self.run_it(*options, "one", "two"), 0 if which else 1, self.lines(*which))

    def test_what_matches(self):
        self.check_lines(["ERROR"], "a2", "a3")
        self.check_lines(["-w", "ERROR"], "a2")
        self.check_lines(["-i", "-w", "ERROR"], "a2", "b1")
        self.check_lines(["-v", "-i", "error"], "a1", "b2")
        self.check_lines(["-v", "-w", "INFO|WARN"], "a2", "b1")
        self.check_lines(["-F", "ERROR|WARN"])
        self.check_lines(["-e", "WARN", "-e", "one t"], "a2", "a3")
        self.check_lines(["nowhere"])

    def test_a_pattern_in_brackets_is_one_pattern(self):
        for pattern in ("[E]", "[E,X]"):
            self.check_lines(["-e", pattern], "a2", "a3")
            self.check_lines([pattern], "a2", "a3")
        self.check_lines(["-F", "[ERROR]"])

    def test_a_pattern_may_begin_with_a_sign(self):
        self.check_lines(["-e", "-12-"], "a1", "a2", "b1", "a3", "b2")
        self.check_lines(["--", "-12-"], "a1", "a2", "b1", "a3", "b2")

    def test_patterns_from_a_file(self):
        self.put("patterns", ["WARN", "error t"])
        self.check_lines(["-f", "patterns"], "b1", "a3")
        self.check_lines(["-f", "patterns", "-e", "ERROR one"], "a2", "b1", "a3")
        self.put("patterns", [])
        self.check_lines(["-f", "patterns"])
        status, out, err = self.run_it("-f", "nowhere", "one")
        self.assertEqual((status, out), (2, []))
        self.assertIn("nowhere", err)

    def test_how_many_which_and_whether(self):
        self.check(self.run_it("-c", "ERROR", "one", "two"), 0, ["one:a.log:2", "two:sub/b.log:0"])
        self.check(self.run_it("-c", "nowhere", "one", "two"), 1, ["one:a.log:0", "two:sub/b.log:0"])
        self.check(self.run_it("-l", "two", "one", "two"), 0, ["one:a.log", "two:sub/b.log"])
        self.check(self.run_it("-l", "nowhere", "one", "two"), 1, [])
        self.check(self.run_it("-q", "ERROR", "one", "two", "three=gone"), 0, [])
        self.check(self.run_it("-q", "nowhere", "one"), 1, [])
        self.check(self.run_it("-q", "nowhere", "one", "three=gone"), 3, [], "three: gone: No such file or directory")

    def test_the_first_and_the_last(self):
        self.check_lines(["--limit", "2", ""], "a1", "a2")
        self.check_lines(["--tail", "2", ""], "a3", "b2")
        self.check_lines(["-m", "1", ""], "a1", "b1")
        self.check_lines(["--limit", "0", ""])

    def test_colours_change_nothing_else(self):
        for options in (["ERROR"], ["-i", "-C", "1", "error|two"], ["-v", "INFO"], ["-c", "ERROR"], ["-l", "ERROR"]):
            status, plain, _ = self.run_it("--color=never", *options, "one", "two")
            coloured_status, coloured, _ = self.run_it("--color=always", *options, "one", "two")
            self.assertEqual([re.sub(rb"\033\[[0-9;]*m", b"", line) for line in coloured], plain)
            self.assertEqual(coloured_status, status)
            self.assertNotEqual(coloured, plain)
            self.assertEqual(self.run_it("--color=auto", *options, "one", "two")[1], plain)
        _, coloured, _ = self.run_it("--color=always", "ERROR", "one")
        self.assertEqual([re.findall(rb"\033\[1;31m(.*?)\033\[0m", line) for line in coloured], [[b"ERROR"], [b"ERROR"]])

    def test_help(self):
        status, out, err = self.run_it("--help")
        text = b"\n".join(out).decode()
        self.assertEqual((status, err), (0, ""))
        for option in ("--since", "--until", "--tail", "--limit", "--json", "--timeout", "--host-timeout", "--reorder", "-C", "-F"):
            self.assertIn(option, text)
        self.assertIn("Exit status", text)

    def test_mistakes_are_told(self):
        for arguments, named in ((["--nonsense", "x", "one"], "--nonsense"), (["-m", "many", "x", "one"], "many"),
                                 ([], "no pattern"), (["x"], "host"), (["(", "one"], "("), (["--since", "soon", "x", "one"], "soon"),
                                 (["--color=pink", "x", "one"], "pink"), (["-j", "0", "x", "one"], "0"),
                                 (["--time-format", "%Q", "x", "one"], "%Q"), (["x", "one", "one"], "one")):
            status, out, err = self.run_it(*arguments)
            self.assertEqual((status, out), (2, []), f"{arguments}: {err}")
            self.assertIn(named, err, arguments)
            self.assertNotIn("terminate called", err)


class Names(Case):
    def setUp(self):
        super().setUp()
        self.name = b"caf\xe9 \xff.log"  # no UTF-8
        folder = os.path.join(os.fsencode(self.top), b"one")
        os.makedirs(folder)
        with open(os.path.join(folder, self.name), "wb") as f:
            f.write(f"{stamp(0)} ERROR ".encode() + b"\xe9t\xe9\n")
        os.symlink(b"nowhere", os.path.join(folder, b"broken\xff"))

    def records(self, *arguments):
        status, out, err = self.run_it("--json", *arguments)
        self.assertEqual(status, 3, err)
        return [json.loads(line.decode("utf-8")) for line in out]

    def test_bytes_that_are_no_text_are_in_base64(self):
        line, last = self.records("ERROR", "one")
        self.assertEqual(base64.b64decode(line["file_base64"]), self.name)
        self.assertEqual(base64.b64decode(line["text_base64"]), f"{stamp(0)} ERROR ".encode() + b"\xe9t\xe9")
        (trouble,) = last["summary"]["hosts"][0]["incomplete"]
        self.assertEqual(base64.b64decode(trouble["file_base64"]), b"broken\xff")
        for option in ("-c", "-l"):
            names = [base64.b64decode(record["file_base64"]) for record in self.records(option, "ERROR", "one")[:-1]]
            self.assertIn(self.name, names)

    def test_a_host_may_be_called_anything(self):
        line, last = self.records("ERROR", b"h\xff=one")
        self.assertEqual(line["line"], 1)
        self.assertFalse(last["summary"]["complete"])

    def test_as_text_they_are_what_they_are(self):
        status, out, err = self.run_it("ERROR", b"h\xff=one")
        self.assertEqual((status, out), (3, [b"h\xff:" + self.name + f":1:{stamp(0)} ERROR ".encode() + b"\xe9t\xe9"]))
        self.assertIn("is a link to nothing", err)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    DGREP = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
