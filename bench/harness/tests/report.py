# SPDX-License-Identifier: BSL-1.0
"""What others read in the harness's JSON is there: python3 report.py PROGRAM"""
import json
import os
import re
import subprocess
import sys
import tempfile

NAME = re.compile(r"^(strategy|operation)/[a-z]+/[^/ ]+/n:\d+/work:\d+/threads:\d+$")

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "result.json")
    subprocess.run([sys.argv[1], "--quick", "--branches=1,8", "--work=0,100", "--benchmark_repetitions=2",
                    "--contenders=^atomic$,tickets", "--patterns=block,inline,deferred",
                    "--benchmark_min_time=0.0001", f"--json={path}"], check=True, stdout=subprocess.DEVNULL)
    with open(path) as file:
        result = json.load(file)

context, rows = result["context"], [b for b in result["benchmarks"] if b["run_type"] == "iteration"]
for key in ("fanout_compiler", "fanout_flags", "fanout_machine", "load_avg"):
    assert context.get(key), f"the context lacks {key}"
assert rows and all(NAME.match(row["run_name"]) for row in rows), [row["run_name"] for row in rows]
seen = {row["run_name"].split("/")[2] for row in rows}
assert seen == {"handwritten", "atomic", "tickets"}, seen
for row in rows:
    name = row["run_name"]
    assert row["per_branch"] > 0, name
    assert row["checked"] == ("unchecked" not in name), name
    made = 0 if name.startswith("strategy/") else 2 if "/handwritten/" in name else 1
    assert row["allocations"] == made and (row["bytes"] > 0) == (made > 0), (name, row["allocations"], row["bytes"])
# Work is work: 8 branches of 100 ns each, with room for a clock that changes its mind.
slow = [row["per_branch"] for row in rows if row["run_name"].startswith("operation/inline/atomic/n:8/work:100/")]
assert slow and min(slow) > 40e-9, slow
