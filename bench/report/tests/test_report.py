# SPDX-License-Identifier: BSL-1.0
"""Tests the report with made-up results: python3 test_report.py

Ratios and predictions are compared with values computed by hand. What draws needs matplotlib; without it those tests are skipped,
and if all others pass the exit status is 77.
"""
import contextlib
import html.parser
import importlib.util
import io
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
import xml.etree.ElementTree

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import compare  # noqa: E402
import model  # noqa: E402
import pages  # noqa: E402
import reading  # noqa: E402
import report  # noqa: E402
import rivals  # noqa: E402
import synthetic  # noqa: E402
import text  # noqa: E402
import verdicts  # noqa: E402
from cells import Cells  # noqa: E402

SKIPPED = 77
HAS_MATPLOTLIB = importlib.util.find_spec("matplotlib") is not None
draws = unittest.skipUnless(
    HAS_MATPLOTLIB, f"{sys.executable} has no matplotlib (Debian and Ubuntu: apt install python3-matplotlib, for /usr/bin/python3)")


def cells_of(*entries, **context):
    return Cells(reading.runs_of({"context": synthetic.context(**context), "benchmarks": list(entries)}, "made-up.json")[0])


def strategy(contender, times, n=256, work=0, threads=2, pattern="block"):
    return synthetic.entries(f"strategy/{pattern}/{contender}", n, work, threads, times)


def small():
    """Few numbers, quickly drawn."""
    entries = strategy("atomic", [10, 10, 11], threads=1) + strategy("atomic", [30, 31, 32]) + strategy("sharded", [9, 9, 10])
    for contender, factor in (("handwritten", 1), ("atomic", 0.5)):
        entries += synthetic.entries(f"operation/inline/{contender}", 256, 0, 1, [20 * factor] * 3, allocations=1, bytes=4096)
    return {"context": synthetic.context(), "benchmarks": entries, "instructions": synthetic.instructions()}


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    def run_report(self, *words):
        """(exit status, what it said as output, as error)"""
        said, complained = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
            try:
                status = report.main(list(map(str, words)))
            except SystemExit as exit_:  # of argparse
                status = exit_.code
        return status, said.getvalue(), complained.getvalue()


class Ratios(unittest.TestCase):
    def test_are_of_the_medians_and_of_the_undisturbed(self):
        cells = cells_of(*synthetic.entries("operation/inline/handwritten", 4, 0, 1, [20, 22, 24]),
                         *synthetic.entries("operation/inline/atomic", 4, 0, 1, [12, 9, 11]))
        key = reading.Key("operation", "inline", 0, 1, 4, "atomic")
        self.assertAlmostEqual(cells.ratio(key).median, 0.5)  # 11 / 22
        self.assertAlmostEqual(cells.ratio(key).undisturbed, 0.45)  # 9 / 20
        self.assertEqual(str(cells.ratio(key)), "0.50 (0.45)")

    def test_with_several_threads_the_fastest_may_be_luck(self):
        cells = cells_of(*strategy("atomic", [20] * 9), *strategy("peek", [2, *[10] * 8]))
        ratio = cells.ratio(reading.Key("strategy", "block", 0, 2, 256, "peek"))
        self.assertEqual(str(ratio), "0.50 (0.50)")  # and not 0.10

    def test_who_disagrees_with_itself_is_marked(self):
        for quarter, mark in ((79, ""), (76, "~")):
            cells = cells_of(*strategy("atomic", [100] * 5), *strategy("peek", [quarter, quarter, 100, 100, 100]))
            self.assertEqual(cells.ratio(reading.Key("strategy", "block", 0, 2, 256, "peek")).mark, mark, quarter)

    def test_are_to_the_reference_of_the_family_with_the_same_rest(self):
        cells = cells_of(*strategy("atomic", [20] * 3), *strategy("atomic", [40] * 3, threads=4), *strategy("peek", [30] * 3),
                         *strategy("peek", [30] * 3, n=16), *strategy("handwritten", [1] * 3),
                         *synthetic.entries("operation/block/handwritten", 256, 0, 2, [3] * 3))
        self.assertAlmostEqual(cells.ratio(reading.Key("strategy", "block", 0, 2, 256, "peek")).median, 1.5)
        self.assertIsNone(cells.ratio(reading.Key("strategy", "block", 0, 2, 16, "peek")))  # no atomic with N = 16

    def test_quartiles_and_marks(self):
        cell, = cells_of(*strategy("atomic", [5, 1, 4, 2, 3]))
        self.assertEqual([round(x, 6) for x in cell.quartiles], [2, 4])
        self.assertAlmostEqual(cell.spread, 2 / 3)
        self.assertEqual(cell.mark, "~")
        for times, mark in (([100, 100, 124, 124, 124], ""), ([10, 10], "?"), ([100, 100, 100, 127, 127], "~")):
            self.assertEqual(next(iter(cells_of(*strategy("atomic", times)))).mark, mark, times)

    def test_one_busy_side_marks_the_ratio(self):
        cells = cells_of(*strategy("atomic", [5, 1, 4, 2, 3]), *strategy("peek", [3] * 3))
        self.assertEqual(cells.ratio(reading.Key("strategy", "block", 0, 2, 256, "peek")).mark, "~")


class Reading(unittest.TestCase):
    def test_leaves_out_what_is_wrong_and_says_so(self):
        wrong = strategy("sharded", [1, 2, 3])
        wrong[1]["error_occurred"] = True
        failed = strategy("local", [1])
        failed[0].update(error_occurred=True)
        odd = strategy("peek", [1, 2])
        del odd[0]["per_branch"]
        unchecked = strategy("batched", [1])
        unchecked[0]["checked"] = 0
        mean = strategy("checked", [1])
        mean[0]["run_type"] = "aggregate"
        other = [{"name": "merge_random/bare/64", "run_name": "merge_random/bare/64", "run_type": "iteration"}, "nonsense"]
        entries = strategy("atomic", [1]) + wrong + failed + odd + unchecked + mean + other
        runs, notes = reading.runs_of({"benchmarks": entries}, "x")
        self.assertEqual([key.contender for key in sorted(runs)], ["atomic", "batched", "peek"])
        self.assertEqual(len(notes), 3)
        self.assertIn("such as a wrong result, and are left out (2): strategy/block/local/n:256", notes[0])
        self.assertIn("without a time per branch", notes[1])
        self.assertIn("nobody has declared as checked (1): strategy/block/batched", notes[2])

    def test_understands_what_google_benchmark_appends(self):
        entry = synthetic.entry("strategy/block/atomic/n:8/work:0/threads:2/repeats:9/manual_time", 5, 8)
        key, = reading.runs_of({"benchmarks": [entry]}, "x")[0]
        self.assertEqual(key, ("strategy", "block", 0, 2, 8, "atomic"))

    def test_transfer(self):
        self.assertIsNone(reading.transfer_of({"context": {"fanout_cache_line_transfer_ns": ""}}, "x"))
        for given, wanted in (("90", (90, 90, 90)), (90.5, (90.5,) * 3), ("85 90 100", (85, 90, 100)),
                              ([85, 90, 100], (85, 90, 100)), ("85, 90, 100", (85, 90, 100))):
            self.assertEqual(reading.transfer_of({"context": {"fanout_cache_line_transfer_ns": given}}, "x"), wanted)
        self.assertIsNone(reading.transfer_of({"context": {}}, "x"))
        far = {"fanout_cache_line_transfer_ns": "90", "fanout_cache_line_transfer_far_ns": "250"}
        self.assertEqual(reading.transfer_of({"context": far}, "x"), (90, 90, 250))
        for bad in ("fast", "-1", "0", "nan", "1 2", "100 90 85"):
            with self.assertRaisesRegex(reading.Mistake, "fanout_cache_line_transfer_ns should be"):
                reading.transfer_of({"context": {"fanout_cache_line_transfer_ns": bad}}, "x")


    def test_hand_over(self):
        self.assertEqual(reading.hand_over_of({"context": {}}, "x"), {})
        given = {"context": {"fanout_hand_over_ns": "2:812 4:1630.5"}}
        self.assertEqual(reading.hand_over_of(given, "x"), {2: 812, 4: 1630.5})
        table, = (block for block in text.ratio_tables(cells_of(*strategy("atomic", [1] * 3)), "strategy", {2: 512.0})[0].blocks)
        self.assertEqual(table.rows[-1], ["the hand-over alone", "2.00"])
        with self.assertRaisesRegex(reading.Mistake, "should be like '2:812 4:1630'"):
            reading.hand_over_of({"context": {"fanout_hand_over_ns": "812"}}, "x")

    def test_alone(self):
        for content, status, words in (('{"benchmarks": []}', 2, "no benchmarks in it"), (json.dumps(small()), 0, "")):
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                file.write(content)
                file.flush()
                with contextlib.redirect_stderr(io.StringIO()) as said:
                    self.assertEqual(reading.main([file.name]), status)
                self.assertIn(words, said.getvalue())


class Verdicts(unittest.TestCase):
    def verdict(self, name, *entries, processors=8):
        return verdicts.verdict(name, cells_of(*entries), processors)

    def test_pays_up_to_four_fifths(self):
        for time, level in ((80, "use"), (81, "not here")):
            key = reading.Key("strategy", "block", 0, 2, 256, "atomic")
            cells = Cells({key: reading.Run([100] * 3, None, None),
                           key._replace(contender="sharded"): reading.Run([time] * 3, None, None)})
            verdict = verdicts.verdict("sharded", cells, 2)
            self.assertEqual(verdict.level, level, time)
        self.assertIn("but here it never paid: 0.81 times", verdict.text)

    def test_names_the_widest_condition(self):
        entries = []
        for threads, n, work, time in ((2, 16, 0, 110), (2, 256, 0, 90), (4, 16, 0, 120), (4, 256, 0, 50), (8, 256, 0, 30),
                                       (8, 16, 0, 95), (4, 256, 100, 98), (8, 256, 100, 97)):
            entries += strategy("atomic", [100] * 3, n, work, threads) + strategy("sharded", [time] * 3, n, work, threads)
        verdict = self.verdict("sharded", *entries)
        self.assertEqual(verdict.level, "use")
        self.assertIn("from 4 threads on, N at least 256, no work in between. There it took 0.30 to 0.50 times", verdict.text)
        self.assertIn("2 of 8 measurements", verdict.text)

    def test_a_condition_rests_on_two_and_on_nothing_that_disturbs_it(self):
        def pays_from(n_64, n_256):
            entries = strategy("atomic", [100] * 3, 16) + strategy("sharded", [100] * 3, 16)
            for n, times in ((64, n_64), (256, n_256)):
                entries += strategy("atomic", [100] * len(times), n) + strategy("sharded", times, n)
            return self.verdict("sharded", *entries)

        self.assertIn("N at least 64. There it took 0.50 to 0.70 times", pays_from([70] * 3, [50] * 3).text)
        self.assertIn("it paid in 1 of 3 measurements, by no rule", pays_from([100] * 3, [50] * 3).text)
        busy = [50, 50, 500, 500, 500]
        self.assertIn("it paid in 1 of 2 measurements, by no rule", pays_from([50] * 3, busy).text)

    def test_pays_by_no_rule(self):
        entries = []
        for threads, time in ((2, 50), (4, 120)):
            entries += strategy("atomic", [100] * 3, threads=threads) + strategy("sharded", [time] * 3, threads=threads)
        verdict = self.verdict("sharded", *entries)
        self.assertEqual(verdict.level, "not here")
        self.assertIn("it paid in 1 of 2 measurements, by no rule", verdict.text)

    def test_says_nothing_of_a_busy_machine(self):
        verdict = self.verdict("sharded", *strategy("atomic", [100] * 3), *strategy("sharded", [10, 20, 30, 40, 50]))
        self.assertEqual(verdict.level, "unknown")
        self.assertIn("cannot be told", verdict.text)

    def test_more_threads_than_processors_do_not_count(self):
        verdict = self.verdict("sharded", *strategy("atomic", [100] * 3, threads=4), *strategy("sharded", [10] * 3, threads=4),
                               processors=2)
        self.assertEqual(verdict.level, "not measured")

    def test_only_at_home(self):
        one = strategy("atomic", [100] * 3, threads=1)
        self.assertEqual(self.verdict("sharded", *one, *strategy("sharded", [10] * 3, threads=1)).level, "not measured")
        self.assertEqual(self.verdict("local", *one, *strategy("local", [10] * 3, threads=1)).level, "use")
        strided = strategy("atomic", [100] * 3, pattern="strided")
        self.assertEqual(self.verdict("sharded", *strided, *strategy("sharded", [10] * 3, pattern="strided")).level, "not measured")
        self.assertEqual(
            self.verdict("sharded_by_thread", *strided, *strategy("sharded_by_thread", [10] * 3, pattern="strided")).level, "use")

    def test_those_that_are_not_for_speed_have_a_price(self):
        for time, words in ((80, "costs less than atomic: 0.80 times"), (124, "costs about as much as atomic: 1.24 times"),
                            (125, "costs more than atomic: 1.25 times")):
            verdict = self.verdict("checked", *strategy("atomic", [100] * 3), *strategy("checked", [time] * 3))
            self.assertEqual(verdict.level, "use")
            self.assertIn(words, verdict.text)
            self.assertNotIn("Whole fan-outs", verdict.text)
        self.assertIn("costs in 1 of 1", verdict.measured)

    def test_the_price_of_whole_fan_outs(self):
        def operation(contender, *times):
            return [entry for n, time in zip((4, 64), times)
                    for entry in synthetic.entries(f"operation/inline/{contender}", n, 0, 1, [time] * 3)]

        rest = [*operation("handwritten", 1, 1), *operation("atomic", 10, 10), *operation("no_issuer_ref", 11, 40),
                *operation("atomic_open", 20, 20), *operation("lazy_seed_open", 10, 18), *operation("lazy_seed", 1, 1)]
        for name, words in (("no_issuer_ref", "1.10 to 4.00 times what those with atomic take (no_issuer_ref; 2 measurements)"),
                            ("lazy_seed", "0.50 to 0.90 times what those with atomic_open take (lazy_seed_open; 2 measurements)")):
            verdict = self.verdict(name, *strategy("atomic", [100] * 3), *strategy(name, [100] * 3), *rest)
            self.assertIn("costs about as much as atomic: 1.00 times, the median of 1 measurements. Whole fan-outs take " + words,
                          verdict.text)

    def test_of_those_that_were_run_and_of_somebody_s_own(self):
        cells = cells_of(*strategy("atomic", [100] * 3), *strategy("tickets(unchecked)", [50] * 3), *strategy("peek", [90] * 3),
                         *strategy("handwritten", [100] * 3))
        found = verdicts.verdicts(cells, 2)
        self.assertEqual([verdict.name for verdict in found], ["atomic", "peek", "tickets(unchecked)"])
        self.assertEqual(found[2].level, "use")
        self.assertIn("Use it when you have a reason of your own: from 2 threads on. There it took 0.50 times", found[2].text)

    def test_each_says_what_it_can(self):
        for name, row in verdicts.TABLE.items():
            self.assertIn("try_hold", row.can, name)
            self.assertIn("N unknown", row.can, name)


class Rivals(unittest.TestCase):
    def test_the_fastest_that_can_do_the_same(self):
        def operation(contender, time, n=4, pattern="inline", threads=1):
            return synthetic.entries(f"operation/{pattern}/{contender}", n, 0, threads, [time] * 3)

        cells = cells_of(
            *operation("handwritten", 10), *operation("latch", 8), *operation("atomic", 6), *operation("peek", 1),
            *operation("bare_slots", 1), *operation("embedded", 3), *operation("unifex_when_all", 5), *operation("stdexec_when_all", 4),
            *operation("lazy_seed_open", 7), *operation("handwritten_open", 14), *operation("shared_ptr", 20),
            *operation("handwritten", 20, 64), *operation("latch", 25, 64), *operation("atomic", 30, 64),
            *({**entry, "strategy": 1.0} for entry in operation("somebody_s", 2)),
            *({**entry, "own_threads": 1.0} for entry in operation("tbb", 9) + operation("tbb", 1, 4, "all", 2)),
            *operation("handwritten", 50, 4, "all", 2), *operation("atomic", 50, 4, "all", 2))
        known, constant, unknown = (
            [(row.pattern, row.threads, {n: (round(ratio.median, 6), name) for n, (ratio, name) in row.against.items()})
             for row in rivals.rows(cells, league)] for league in rivals.LEAGUES)
        self.assertEqual(known, [("inline", 1, {4: (0.75, "latch"), 64: (1.5, "handwritten")}),
                                 ("all", 2, {4: (1.0, "handwritten")})])
        self.assertEqual(constant, [("inline", 1, {4: (0.75, "stdexec_when_all")})])
        self.assertEqual(unknown, [("inline", 1, {4: (0.5, "handwritten_open")})])
        self.assertEqual(rivals.sentence(cells, rivals.LEAGUES[0]), "atomic, times the fastest other (N known when it begins): "
                         "inline 0.75 to 1.50, all by 2 1.00.")

    def test_nobody_to_compare_with(self):
        cells = cells_of(*synthetic.entries("operation/inline/handwritten", 4, 0, 1, [1] * 3))
        for league in rivals.LEAGUES:
            self.assertEqual((rivals.rows(cells, league), rivals.sentence(cells, league)), ([], ""))
        self.assertEqual(text.against_others(cells), [])


class Model(unittest.TestCase):
    COSTS = model.Costs(t_0=10, t_x=100)

    def near(self, found, wanted):
        self.assertEqual(tuple(round(value, 9) for value in found), wanted)

    def test_by_hand(self):
        self.assertEqual(model.flat(2, 0, self.COSTS), 100)
        self.assertEqual(model.flat(4, 1000, self.COSTS), 275)  # (1000 + 100) / 4
        # N = 256, 16 shards: h = 10 + 90 / 16 = 15.625; (1000 + 15.625) / 4 = 253.90625; the root: 100 / 16 = 6.25
        self.assertAlmostEqual(model.sharded(4, 1000, 256, self.COSTS), 260.15625)
        # 32 processors, two to a line: 100 / 16, and the root
        self.assertAlmostEqual(model.sharded(32, 0, 256, self.COSTS), 12.5)

    def test_one_processor(self):
        for work in (0, 100, 1e6):
            self.assertEqual(model.flat(1, work, self.COSTS), work + 10)
            self.assertAlmostEqual(model.sharded(1, work, 256, self.COSTS), work + 10 + 10 / 16)

    def test_many_processors(self):
        self.assertAlmostEqual(model.flat(10**9, 500, self.COSTS), 100)
        self.assertAlmostEqual(model.sharded(10**9, 500, 4096, self.COSTS), 100 / 16 + 100 * 16 / 4096)

    def test_much_work_is_shared_by_all(self):
        for predict in (model.flat, lambda p, w, c: model.sharded(p, w, 4096, c)):
            self.assertAlmostEqual(predict(64, 1e12, self.COSTS) / (1e12 / 64), 1, places=6)

    def test_where_it_starts_to_pay(self):
        self.assertEqual(model.starts_to_pay(0, 4096, self.COSTS), 2)
        self.assertIsNone(model.starts_to_pay(1e9, 4096, self.COSTS))
        start = model.starts_to_pay(1000, 4096, self.COSTS)
        # flat is at its ceiling of 100 from 11 processors on; sharded is at 1010 / p + 0.4: 80 from 13
        self.assertEqual(start, 13)
        self.assertLess(model.starts_to_pay(1000, 4096, self.COSTS._replace(t_x=200)), start)

    def test_few_branches_have_no_shards(self):
        self.assertEqual([model.shards(n) for n in (1, 8, 15, 16, 17, 128, 130, 256, 4096)], [0, 0, 0, 2, 3, 16, 9, 16, 16])
        self.assertEqual(model.sharded(8, 50, 8, self.COSTS), model.flat(8, 50, self.COSTS))

    def test_has_the_library_s_sizes(self):
        header = (HERE.parents[2] / "include" / "fanout" / "refcount" / "sharded.hpp").read_text()
        self.assertEqual(re.search(r"most_shards = (\d+);", header)[1], str(model.MOST_SHARDS))
        self.assertEqual(re.search(r"branches_per_shard = (\d+);", header)[1], str(model.BRANCHES_PER_SHARD))

    def test_of_a_run(self):
        cells = cells_of(*strategy("atomic", [10] * 3, threads=1), *strategy("atomic", [120] * 3, threads=1, work=100),
                         *strategy("atomic", [30] * 3), *strategy("atomic", [90] * 3, work=100), *strategy("sharded", [12] * 3),
                         *strategy("sharded", [500] * 3, threads=1),  # says nothing about moving lines
                         *strategy("atomic", [50] * 3, n=16, threads=1))  # the largest N counts
        made = model.make(cells, reading.Transfer(85, 90, 100), 2)
        self.assertEqual(made.n, 256)
        self.assertAlmostEqual(made.t_0, 10)
        self.near(made.transfer, (30, 90, 100))  # the flat count without work on two processors is cheaper
        self.assertAlmostEqual(made.work(100), 110)  # as measured
        one, two, with_work, with_work_two = made.rows()
        self.assertEqual((one.threads, two.threads, with_work.work, with_work_two.work), (1, 2, 100, 100))
        self.near(one.flat, (10, 10, 10))
        self.near(two.flat, (30, 90, 100))
        self.near(with_work_two.flat, (70, 100, 105))  # (110 + t_x) / 2
        self.assertAlmostEqual(made.worst(), 3)  # 90 predicted, 30 measured
        self.assertIn("off by a factor of 3.0 at most, and 0 of 3 measurements lie outside of its range", text.sureness(made))
        far = model.make(cells_of(*strategy("atomic", [10] * 3, threads=1), *strategy("atomic", [120] * 3, threads=1, work=100),
                                  *strategy("atomic", [30] * 3), *strategy("atomic", [106] * 3, work=100)),
                         reading.Transfer(85, 90, 100), 2)
        self.assertEqual(far.outside(), (1, 2))  # 70 to 105 was predicted
        self.assertEqual([row[:2] for row in made.starts()][:2], [(64, 0), (64, 100)])
        self.assertEqual(made.starts()[0][3:], (2, 2, 2))
        # N = 64, 8 shards, two processors to a line: (1000 + 90) / p + 90 / 8 is at most 0.8 * 90 from 18 processors on;
        # N = 256, 16 shards: (1000 + 15) / p + 90 / 16 from 16
        self.assertEqual({row[0]: row[4] for row in made.starts() if row[1] == 1000}, {64: 18, 256: 16})
        # at work 1000 flat is at its ceiling, the earlier the dearer a line
        n, work, _, by_least, by_middle, by_largest = made.starts()[-2]
        self.assertEqual((n, work), (256, 1000))
        self.assertTrue(by_least > by_middle >= by_largest > 2, made.starts()[-2])

    def test_without_the_transfer(self):
        entries = strategy("atomic", [10] * 3, threads=1), strategy("atomic", [28, 30, 32], threads=2)
        self.near(model.make(cells_of(*entries[0], *entries[1]), None, 2).transfer, (29, 30, 31))
        self.assertIn("needs the cost of moving a cache line", model.make(cells_of(*entries[0]), None, 2))
        self.assertIn("needs the cost of moving a cache line", model.make(cells_of(*entries[0], *entries[1]), None, 1))
        self.assertIn("needs strategy/block/atomic with one thread", model.make(cells_of(*entries[1]), None, 2))
        batched = strategy("atomic", [10] * 3, threads=1, pattern="batched")  # of which a release is 64 branches
        self.assertIn("needs strategy/block/atomic with one thread", model.make(cells_of(*batched), None, 2))


class Compare(unittest.TestCase):
    def compared(self, change=1.0, time=1.0, threshold=2.0, name="deferred/fanout/256"):
        old, new = small(), small()
        for row in new["instructions"]:
            row["instructions_per_branch"] *= change if row["name"] == name else 1
        for entry in new["benchmarks"]:
            entry["per_branch"] *= time
        one, other = (Cells(reading.runs_of(result, "x")[0]) for result in (old, new))
        found = compare.compare(old, one, new, other, threshold)
        return found, *compare.sentence(found, threshold)

    def test_a_rise_of_three_percent_fails_and_is_named(self):
        found, said, status = self.compared(1.03)
        self.assertEqual(status, 1)
        self.assertEqual([count.name for count in found.risen], ["deferred/fanout/256"])
        self.assertEqual(said, "Instructions per branch rose by more than 2 %: deferred/fanout/256 from 40.39 to 41.60 (+3.0 %).")

    def test_one_percent_does_not(self):
        self.assertEqual(self.compared(1.01)[2], 0)
        self.assertEqual(self.compared(0.5)[2], 0)
        self.assertEqual(self.compared(1.01, threshold=0.5)[2], 1)
        self.assertEqual(self.compared(1.03, threshold=4)[2], 0)

    def test_times_never_fail(self):
        found, said, status = self.compared(time=10)
        self.assertEqual(status, 0)
        self.assertAlmostEqual(found.times[0][3].median, 10)
        self.assertIn("none of 27 rose", said)

    def test_what_is_not_counted_any_more(self):
        old, new = small(), small()
        cells = Cells(reading.runs_of(new, "x")[0])
        gone = new["instructions"].pop(0)["name"]
        found = compare.compare(old, cells, new, cells)
        said, status = compare.sentence(found, 2)
        self.assertEqual(status, 2)
        self.assertIn(f"none of 26 rose by more than 2 %, but some are not counted any more, so nothing holds them: {gone}.", said)
        new["instructions"] = []
        said, status = compare.sentence(compare.compare(old, cells, new, cells), 2)
        self.assertEqual(status, 2)
        self.assertIn("give --instructions", said)
        old["instructions"] = []
        self.assertEqual(compare.sentence(compare.compare(old, cells, new, cells), 2)[1], 0)

    def test_another_compiler_is_mentioned(self):
        old, new = small(), small()
        new["context"]["fanout_compiler"] = "Clang 19.1.7"
        cells = Cells(reading.runs_of(new, "x")[0])
        self.assertEqual(compare.compare(old, cells, new, cells).notes,
                         ["The compilers differ: 'GNU 12.2.0' then, 'Clang 19.1.7' now."])


class BadInput(Folder):
    def refused(self, sentence, *words):
        status, _, complained = self.run_report(*words)
        self.assertEqual(status, 2)
        self.assertRegex(complained, sentence)
        self.assertNotIn("Traceback", complained)

    def result(self, content, **other):
        return self.write("result.json", content), "--output", self.folder / "report"

    def test_result(self):
        out = "--output", self.folder / "report"
        self.refused(r"nothing\.json: cannot read the result: No such file", self.folder / "nothing.json", *out)
        self.refused(r"cannot read the result: Is a directory", self.folder, *out)
        for content, sentence in (
                ("{", r"the result is not JSON: Expecting"),
                ("[]", r"not what Google Benchmark writes: it has no list \"benchmarks\""),
                ({"benchmarks": {}}, r"it has no list \"benchmarks\""),
                ({"benchmarks": []}, r"no benchmarks in it with a name like operation/inline/handwritten"),
                ({"benchmarks": [synthetic.entry("merge/bare/64", 1, 1)]}, r"no benchmarks in it"),
                ({"benchmarks": strategy("atomic", [1, 2, float("nan")])[2:]}, r"without a time per branch"),
                ({"benchmarks": synthetic.entries("operation/inline/atomic", 4, 0, 1, [1])},
                 r"none of the contender 'handwritten'"),
                ({"benchmarks": strategy("sharded", [1])}, r"none of the contender 'atomic'"),
                ({**small(), "instructions": {}}, r"\"instructions\" should be a list of objects"),
                ({**small(), "context": []}, r"its \"context\" is not an object"),
                ({**small(), "instructions": [{"name": "a/b/1", "instructions_per_branch": 1, "ratio": "1"}]},
                 r"\"instructions\" should be a list"),
                ({"benchmarks": strategy("atomic", [1], n=0)}, r"no benchmarks in it"),
                ({**small(), "frontend": [{"compiler": "g++"}]}, r"\"frontend\" should be a list of objects"),
                ({**small(), "context": {"fanout_cache_line_transfer_ns": "fast"}}, r"it is 'fast'")):
            self.refused(sentence, *self.result(content))
        (self.folder / "result.json").write_bytes(b"\xff\xfe\x00")
        self.refused("the result is not JSON", self.folder / "result.json", *out)

    def test_other_files(self):
        good = self.result(small())
        self.refused("no.json: cannot read the instructions file: No such file", *good, "--instructions", self.folder / "no.json")
        self.refused("the frontend file is not JSON", *good, "--frontend", self.write("text", "text"))
        self.refused("should be a list of objects with name, instructions_per_branch", *good, "--instructions",
                     self.write("rows.json", [{"name": "a/b/1"}]))
        self.refused("old.json: cannot read the result: No such file", *good, "--against", self.folder / "old.json")
        self.refused("no benchmarks in it", *good, "--against", self.write("old.json", {"benchmarks": []}))

    def test_folder_that_cannot_be_written(self):
        path = self.write("result.json", small())
        self.refused("result.json: a report is a folder, and this is a file", path, "--output", path)
        self.refused("deeper: cannot write the report there: Not a directory", path, "--output", path + "/deeper")
        self.refused("cannot write the report there", path, "--output", "/proc/report")

    def test_arguments(self):
        path = self.write("result.json", small())
        self.refused("required: --output", path)
        self.refused("a percentage of at least 0 is needed", path, "--output", self.folder / "r", "--threshold", "-1")
        self.refused("invalid percent value: 'much'", path, "--output", self.folder / "r", "--threshold", "much")

    def test_no_matplotlib(self):
        (self.folder / "matplotlib.py").write_text("raise ImportError('not here')")
        run = subprocess.run([sys.executable, str(HERE.parent / "report.py"), self.write("result.json", small()), "--output",
                              str(self.folder / "report")], env={"PYTHONPATH": str(self.folder)}, capture_output=True, text=True)
        self.assertEqual(run.returncode, 2)
        self.assertIn("apt install python3-matplotlib", run.stderr)
        self.assertNotIn("Traceback", run.stderr)


class Page(html.parser.HTMLParser):
    """Whether each tag is closed in its turn; which identifiers there are and which are used."""
    VOID = {"meta", "br", "hr", "img", "input", "link"}

    def __init__(self, text_):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.ids, self.used, self.wrong = [], [], [], set(), []
        self.feed(text_)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.look(tag, attributes)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.look(tag, attributes)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")

    def look(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name == "href":
                self.used.add(value)
            self.used |= set(re.findall(r"url\(([^)]*)\)", value or ""))
            if name in ("src", "srcset", "data", "action") or ":" in name:
                self.wrong.append(f"{name}={value}")


@draws
class Whole(Folder):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        at = pathlib.Path(folder.name)
        for name, content in (("in.json", synthetic.result(5, ("block", "strided"), ("inline", "deferred", "cross"))), ("instructions.json", synthetic.instructions()),
                              ("frontend.json", synthetic.frontend())):
            (at / name).write_text(json.dumps(content))
        cls.out = at / "report"
        with contextlib.redirect_stdout(io.StringIO()) as said:
            cls.status = report.main([str(at / "in.json"), "--output", str(cls.out), "--instructions",
                                      str(at / "instructions.json"), "--frontend", str(at / "frontend.json")])
        cls.said = said.getvalue()
        cls.html = (cls.out / "report.html").read_text()
        cls.markdown = (cls.out / "report.md").read_text()

    def check_tables(self, markdown):
        """Each row of a table has as many columns as the others."""
        for block in markdown.split("\n\n"):
            if block.startswith("| "):
                columns = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
                self.assertEqual(len(columns), 1, block)

    def test_all_charts(self):
        self.assertEqual(self.status, 0)
        self.assertEqual({path.stem for path in self.out.glob("*.svg")}, {
            "operation_n", "peers_n", "forms_n", "operation_distribution", "allocations", "strategy_n", "strategy_contention",
            "strategy_distribution", "scaling", "instructions", "compile_cost"})
        self.assertEqual(self.html.count("<svg"), 11)

    def test_of_many_headers_the_dearest_have_bars(self):
        result = {"frontend": [{"compiler": "g++", "included": f'"fanout/{i}.hpp"', "seconds": i / 10, "ratio": i} for i in range(1, 41)] +
                  [{"compiler": "g++", "included": "<atomic>", "seconds": 0.01, "ratio": 1}]}
        import plots
        figure, *_ = plots.compile_cost(result)
        words = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        self.assertEqual(len(words), 25)
        self.assertIn("<atomic>", words)
        self.assertIn('"fanout/40.hpp"', words)
        self.assertNotIn('"fanout/16.hpp"', words)
        folded = [block for block in text.counted(result, []) if isinstance(block, pages.Details)]
        self.assertEqual([(block.summary, len(block.blocks[0].rows)) for block in folded], [("All headers", 41)])

    def test_svgs_are_xml_and_labelled(self):
        for path in self.out.glob("*.svg"):
            root = xml.etree.ElementTree.parse(path).getroot()
            self.assertTrue(root.tag.endswith("}svg"), path)
            words = " ".join(root.itertext())
            self.assertRegex(words, r"nanoseconds per|Instructions per branch|milliseconds|Allocations and bytes", path)
        self.assertIn("sharded_by_thread", (self.out / "strategy_contention.svg").read_text())

    def test_html_is_one_well_formed_file(self):
        page = Page(self.html)
        self.assertEqual(page.wrong, [])
        self.assertEqual(page.open, [])
        self.assertEqual(len(page.ids), len(set(page.ids)))
        self.assertEqual({use for use in page.used if not use.startswith("#") or use[1:] not in page.ids}, set())
        self.assertFalse({"script", "link", "img", "iframe"} & set(page.tags))
        for word in ("http://", "https://", "src=", "@import", "file:"):
            self.assertNotIn(word, self.html)

    def test_processors_are_those_that_may_be_used(self):
        self.assertEqual(text.processors_of({"context": {"num_cpus": 8, "fanout_processors": "2"}}), 2)
        self.assertEqual(text.processors_of({"context": {"num_cpus": 8}}), 8)
        self.assertEqual(text.processors_of({"context": {}}), 1)

    def test_says_the_numbers(self):
        result = json.loads((self.out / "result.json").read_text())
        cells = Cells(reading.runs_of(result, "x")[0])
        for key in (reading.Key("operation", "deferred", 0, 1, 256, "peek"),
                    reading.Key("strategy", "block", 100, 2, 4096, "sharded")):
            words = f"{cells.by_key[key].median:.2f} · {cells.ratio(key)}"
            self.assertIn(words, self.html)
            self.assertIn(words, self.markdown)
        for verdict in verdicts.verdicts(cells, 2):
            self.assertIn(verdict.text, self.said)
            self.assertIn(verdict.text, self.markdown)
        self.assertIn("flat(p) = max( h(p), (w + h(p)) / p )", self.html)
        self.assertRegex(self.said, r"flat, predicted +measured +ratio +sharded, predicted")

    def test_markdown(self):
        for name in re.findall(r"!\[[^]]*\]\(([^)]*)\)", self.markdown):
            self.assertTrue((self.out / name).is_file(), name)
        self.assertEqual(self.markdown.count("!["), 11)
        self.check_tables(self.markdown)
        self.assertNotRegex(re.sub(r"`[^`\n]*`|```.*?```", "", self.markdown, flags=re.DOTALL), r"<(?!/?(details|summary)>)")

    def test_instructions_of_both_kinds(self):
        import plots
        self.assertEqual(plots.counted_name("deferred/fanout/256"), ("deferred", "fanout", 256))
        self.assertEqual(plots.counted_name("strategy/block/atomic/n:64/work:0/threads:1"), ("strategy, block", "atomic", 64))
        self.assertIsNone(plots.counted_name("something else"))

    def test_result_is_completed(self):
        result = json.loads((self.out / "result.json").read_text())
        self.assertEqual(result["instructions"], synthetic.instructions())
        self.assertEqual(result["frontend"], synthetic.frontend())

    @unittest.mock.patch("plots.draw", lambda *_: [])
    def test_against_itself_and_others(self):
        old = self.write("old.json", small())
        for change, time, status, sentence in ((1.0, 1, 0, "none of 27 rose"), (1.0, 10, 0, "none of 27 rose"),
                                               (1.01, 1, 0, "none of 27 rose"),
                                               (1.03, 1, 1, "rose by more than 2 %: inline/fanout/1")):
            new = small()
            for row in new["instructions"]:
                row["instructions_per_branch"] *= change
            for entry in new["benchmarks"]:
                entry["per_branch"] *= time
            path = self.write("new.json", new)
            found, said, complained = self.run_report(path, "--output", self.folder / "r", "--against", old)
            self.assertEqual(found, status, complained)
            self.assertIn(sentence, complained if status else said)
            self.assertIn(sentence, (self.folder / "r" / "report.html").read_text())
        # the report that is replaced is read first
        found, said, _ = self.run_report(path, "--output", self.folder / "r", "--against", self.folder / "r" / "result.json")
        self.assertEqual((found, "none of 27 rose" in said), (0, True))

    def test_same_input_same_output(self):
        path = self.write("in.json", small())
        for name in ("one", "two"):
            self.assertEqual(self.run_report(path, "--output", self.folder / name)[0], 0)
        for one in sorted((self.folder / "one").iterdir()):
            self.assertEqual(one.read_bytes(), (self.folder / "two" / one.name).read_bytes(), one.name)

    def test_little_input(self):
        for benchmarks in (strategy("atomic", [1]), synthetic.entries("operation/inline/handwritten", 1, 0, 1, [1]),
                           strategy("atomic", [1, 2], threads=1) + strategy("<b>|`&", [3], threads=1),
                           strategy("atomic", [1, 2], threads=1) + strategy("_a$\\frac$c", [3], threads=1)):
            path = self.write("in.json", {"benchmarks": benchmarks})
            status, _, complained = self.run_report(path, "--output", self.folder / "r")
            self.assertEqual((status, complained), (0, ""))
            self.assertEqual(Page((self.folder / "r" / "report.html").read_text()).wrong, [])
            self.check_tables((self.folder / "r" / "report.md").read_text())

    @unittest.mock.patch("plots.draw", lambda *_: [])
    def test_a_busy_machine_is_mentioned(self):
        path = self.write("in.json", {**small(), "context": synthetic.context(load_avg=[3.0, 2.0, 1.0])})
        self.run_report(path, "--output", self.folder / "r")
        self.assertIn("The machine was busy when the run began: a load of 3.00 on 2 processors",
                      (self.folder / "r" / "report.html").read_text())


if __name__ == "__main__":
    ran = unittest.main(exit=False).result
    if not ran.wasSuccessful():
        sys.exit(1)
    if ran.skipped:
        print(f"SKIPPED in part: {ran.skipped[0][1]}")
        sys.exit(SKIPPED)
