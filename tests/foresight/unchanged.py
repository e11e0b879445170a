#!/usr/bin/env python3
"""Compares this program, foresight and packing switched off, with a build of a revision that has neither.

  unchanged.py OLD NEW [TRACE [FLAG...]]

OLD and NEW are programs; run from the root of the repository. Of every scenario the exit code, the actions and the verdict of
every node are compared; of fourteen simulated days of each made-up profile, and of TRACE, the text. What differs is printed.
Expected: where a scenario has nodes that fill last (`packing*`), NEW takes our taints off them; in the text the line of the
settings.
"""

import difflib
import glob
import json
import os
import subprocess
import sys

OFF = {"FORECAST": "false", "STABILIZATION": "0s", "PACK": "false"}
# A revision from before packing has no such actions.
OF_ACTION = ("action", "node", "group", "from", "to", "instance")
OF_NODE = ("name", "verdict", "reason", "message")


def run(program, settings, *arguments):
    environment = {"PATH": os.environ["PATH"], "HOME": "/", **settings}
    ran = subprocess.run([program, *arguments], capture_output=True, text=True, env=environment, check=False)
    return ran.returncode, ran.stdout


def planned(program, folder, settings, time):
    code, text = run(program, settings, "--from", folder + "cluster.yaml", "--at", time, "--output", "json")
    if not text:
        return code, None, None
    report = json.loads(text)
    actions = [{field: action[field] for field in OF_ACTION if field in action} for action in report["actions"]]
    return code, actions, [[node.get(field) for field in OF_NODE] for node in report["nodes"]]


def scenarios(old, new):
    same, folders = 0, glob.glob("tests/scenarios/*/") + glob.glob("tests/scenarios/field/*/")
    for folder in sorted(folders):
        if not os.path.exists(folder + "settings.env"):
            continue
        settings = {"AT": "2026-01-15T09:00:00Z"}
        with open(folder + "settings.env", encoding="utf-8") as file:
            lines = (line.rstrip("\n") for line in file)
            settings.update(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        time = settings.pop("AT")
        before, after = planned(old, folder, settings, time), planned(new, folder, {**settings, **OFF}, time)
        same += before == after
        if before != after:
            print(f"{folder}\n  old: {before[:2]}\n  new: {after[:2]}", flush=True)
    print(f"{same} scenarios have the same plan", flush=True)


def simulations(old, new, trace):
    users = [["--profile", profile] for profile in ("class", "office", "timetable")]
    users += [["--trace", *trace]] if trace else []
    for flags in users:
        for scheduler in ("spread", "pack"):
            command = ["simulate", *flags, "--days", "14", "--scheduler", scheduler]
            texts = [run(program, settings, *command)[1].splitlines() for program, settings in ((old, {}), (new, OFF))]
            lines = [line for line in difflib.unified_diff(*texts, n=0, lineterm="") if line[:2] not in ("--", "++", "@@")]
            print(f"{' '.join(command)}: {len(lines)} lines differ", *lines, sep="\n  ", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    scenarios(*sys.argv[1:3])
    simulations(*sys.argv[1:3], sys.argv[3:])
