#!/usr/bin/env python3
"""Measures foresight and packing with simulate, and prints tables in Markdown.

  measure.py PROGRAM profiles                 made-up users: class, office, timetable with five seeds each
  measure.py PROGRAM bars TRACE [FLAG...]     a trace: both schedulers and bands, runs every 1m and 3m, boots of 2m and 6m
  measure.py PROGRAM wrong TRACE [FLAG...]    the same trace made wrong: what foresight costs where the past says nothing
  measure.py PROGRAM weeks TRACE DATE:DAYS,... [FLAG...]     some days, with what the four weeks before them taught
  measure.py PROGRAM pasts TRACE DATE:DAYS [FLAG...]         the same, and these four weeks lost, of another hub, or hostile

PROGRAM is a release build. Node-hours are relative to the same settings without foresight and packing, waited is a share of
those who waited there. A trace is a CSV file as `kube-rebalancer trace` makes it, with times in seconds or RFC 3339.
"""

import csv
import json
import os
import random
import subprocess
import sys
import tempfile
from datetime import datetime, timezone

import past

OFF = "FORECAST=false STABILIZATION=0s SCHEDULE= CALENDAR= PACK=false"
HIGHER = "MIN_UTILIZATION=0.7 OPTIMAL_UTILIZATION=0.8 MAX_UTILIZATION=0.9"
DAY = 24 * 3600
WEEK = 7 * DAY


def simulate(program, *flags):
    """The policies of one simulation: with foresight, without, and with the higher band."""
    command = [program, "simulate", "-o", "json", "--compare", HIGHER, *flags]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if ran.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{ran.stderr}")
    policies = json.loads(ran.stdout)["policies"]
    of = {(policy["name"], policy["compare"]): policy for policy in policies}
    return of["kube-rebalancer", None], of["no foresight", OFF], of["compare 1", HIGHER]


def share(part, whole):
    return f"{part / whole:.3f}" if whole else "-"


def percent(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "-"


def row(name, with_it, without, higher, *more):
    def total(policies, number):
        return sum(policy[number] for policy in policies)

    hours, waited = total(without, "nodeSeconds"), total(without, "usersWaited")
    cells = [name, f"{hours / 3600:.0f}", str(waited)]
    for policies in (with_it, higher):
        late = total(policies, "usersWaited")
        cells += [share(total(policies, "nodeSeconds"), hours), f"{late} ({percent(late, waited)})"]
    cells += more
    print("| " + " | ".join(cells) + " |", flush=True)


def head(first, *more):
    names = [first, "without: node-hours", "waited", ".75: node-hours", "waited", ".80: node-hours", "waited", *more]
    print("| " + " | ".join(names) + " |")
    print("|" + "---|" * len(names), flush=True)


def profiles(program):
    head("profile, scheduler")
    for profile in ("class", "office", "timetable"):
        for scheduler in ("spread", "pack"):
            runs = []
            for seed in range(1, 6):
                flags = ["--profile", profile, "--scheduler", scheduler, "--seed", str(seed)]
                runs.append(simulate(program, *flags, "--days", "21", "--interval", "3m"))
            row(f"`{profile}`, {scheduler}", *(list(of) for of in zip(*runs)))


def bars(program, trace, *flags):
    head("scheduler, boot, interval")
    for scheduler in ("spread", "pack"):
        for boot in ("2m", "6m"):
            for interval in ("1m", "3m"):
                one = ["--scheduler", scheduler, "--boot-time", boot, "--interval", interval]
                found = simulate(program, "--trace", trace, *one, *flags)
                row(f"{scheduler} {boot} {interval}", *([of] for of in found))


def seconds(text):
    if text.isdigit():
        return int(text)
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc).timestamp())


def sessions(trace):
    with open(trace, newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return [(seconds(row["start"]), seconds(row["end"]), row["memory"]) for row in rows]


def variants(users):
    """The trace made wrong, one name and one list of sessions after the other."""
    begin = users[0][0] - users[0][0] % DAY
    chance = random.Random(1)
    part = {user: chance.random() for user in range(len(users))}
    length = users[-1][0] - begin

    def keep(wanted):
        return [user for number, user in enumerate(users) if wanted(number, user)]

    yield "as it is", users
    yield "its first week", keep(lambda _, user: user[0] < begin + WEEK)
    yield "5 % of the users", keep(lambda number, _: part[number] < 0.05)
    yield "20 % of the users", keep(lambda number, _: part[number] < 0.2)
    grown = lambda number, user: part[number] < 0.4 + 0.6 * (user[0] - begin) / max(1, length)
    yield "growing from 40 to 100 %", keep(grown)
    copies = []
    for _ in range(5):
        for start, end, memory in users:
            late = chance.randrange(0, 600)
            copies.append((start + late, end + late, memory))
    yield "five times as many, within ten minutes", copies
    # A week without anybody: those who come in the eighth one stay away.
    eighth = range(begin + 7 * WEEK, begin + 8 * WEEK)
    yield "nobody in the eighth week", keep(lambda _, user: user[0] not in eighth)
    # From the middle on all come an hour later, as where clocks change and the history is in UTC.
    half = begin + length // 2
    yield "an hour later from the middle on", [
        (start + 3600, end + 3600, memory) if start >= half else (start, end, memory) for start, end, memory in users
    ]
    event = begin + 8 * WEEK + 9 * DAY // 4
    crowd = [(event + chance.randrange(0, 600), event + 7200, "2Gi") for _ in range(120)]
    yield "a one-off event of 240Gi", users + crowd


def wrong(program, trace, *flags):
    head("case (spread, boot 2m, every 3m)")
    with tempfile.TemporaryDirectory() as folder:
        for name, users in variants(sessions(trace)):
            path = os.path.join(folder, "users.csv")
            with open(path, "w", newline="", encoding="utf-8") as file:
                rows = csv.writer(file)
                rows.writerow(["start", "end", "memory"])
                rows.writerows(sorted(users))
            many = ["--max-nodes", "400"] if name.startswith("five times") else []
            row(name, *([of] for of in simulate(program, "--trace", path, "--interval", "3m", *many, *flags)))


def day(text):
    """The first second of a DATE:DAYS, and the one after its last."""
    date, days = text.split(":")
    begin = int(datetime.fromisoformat(date).replace(tzinfo=timezone.utc).timestamp())
    return begin, begin + int(days) * DAY


def within(users, begin, end):
    """Those who come in that time; who is there when it begins comes then."""
    staying = [(max(start, begin), stop, memory) for start, stop, memory in users if start < end and stop > begin]
    return sorted(user for user in staying if user[0] < user[1])


def remembered(program, users, slots, before, *flags):
    """One simulation whose foresight begins with a past that ends where it begins."""
    with tempfile.TemporaryDirectory() as folder:
        path, memory = os.path.join(folder, "users.csv"), os.path.join(folder, "past.history")
        with open(path, "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["start", "end", "memory"])
            rows.writerows(users)
        with open(memory, "w", encoding="utf-8") as file:
            file.write(past.history(before // past.SLOT - len(slots), slots))
        history = ["--history", memory] if slots else []
        return simulate(program, "--trace", path, "--interval", "3m", *history, *flags)


def weeks(program, trace, times, *flags):
    head("time (spread, boot 2m, every 3m)")
    users = sessions(trace)
    for text in times.split(","):
        begin, end = day(text)
        slots = past.peaks(users, begin - 4 * WEEK, begin)
        found = remembered(program, within(users, begin, end), slots, begin, *flags)
        row(text, *([of] for of in found))


def pasts(program, trace, time, *flags):
    head(f"past of {time} (spread, boot 2m, every 3m)", "most nodes without", ".75", ".80")
    users = sessions(trace)
    begin, end = day(time)
    here = within(users, begin, end)
    later = [(start + 3600, stop + 3600, memory) for start, stop, memory in here]
    slots = past.peaks(users, begin - 4 * WEEK, begin)
    cases = [(name, wrong, here) for name, wrong in past.wrong_pasts(slots)]
    cases.append(("all come an hour later than in it: a clock change, the history in UTC", slots, later))
    for name, wrong, users in cases:
        with_it, without, higher = remembered(program, users, wrong, begin, *flags)
        most = [str(policy["peakNodes"]) for policy in (without, with_it, higher)]
        row(name, [with_it], [without], [higher], *most)


def main():
    kinds = {"profiles": profiles, "bars": bars, "wrong": wrong, "weeks": weeks, "pasts": pasts}
    if len(sys.argv) < 3 or sys.argv[2] not in kinds:
        sys.exit(__doc__)
    kinds[sys.argv[2]](sys.argv[1], *sys.argv[3:])


if __name__ == "__main__":
    main()
