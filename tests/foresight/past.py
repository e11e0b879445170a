"""Histories for foresight, written as the program reads them: see src/history. Made of sessions, and made wrong."""

import base64
import random
import zlib

SLOT = 300
DAY = 24 * 3600 // SLOT
WEEK = 7 * DAY
# The most that a history holds, in mebibytes.
LARGEST = (1 << 62) >> 20

UNITS = {"Ki": -10, "Mi": 0, "Gi": 10, "Ti": 20}


def mebibytes(quantity):
    power = UNITS[quantity[-2:]]
    number = int(quantity[:-2])
    return number << power if power >= 0 else -(-number >> -power)


def peaks(users, begin, end):
    """The most memory that was asked for at one time, in each slot from `begin` to `end`."""
    changes = {}
    for start, stop, memory in users:
        for time, amount in ((start, mebibytes(memory)), (stop, -mebibytes(memory))):
            changes.setdefault(time, []).append(amount)
    # What ends makes room for what begins at the same second.
    moments = sorted((time, sum(amounts)) for time, amounts in changes.items())
    asked, at, found = 0, 0, []
    for slot in range(begin // SLOT, end // SLOT):
        peak = asked
        while at < len(moments) and moments[at][0] < (slot + 1) * SLOT:
            asked += moments[at][1]
            # Nothing is known of a slot but what was asked for in it.
            peak = max(peak, asked) if moments[at][0] >= slot * SLOT else asked
            at += 1
        found.append(peak)
    return found


def number(value):
    """LEB128: seven bits a byte, the lowest first."""
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def history(first_slot, slots):
    """The text of a history of memory without pools; None is a gap."""
    body = bytearray(number(1) + number(0) + bytes([0]) + number(first_slot) + number(len(slots)))
    before = 0
    for peak in slots:
        if peak is None:
            body += number(0)
            continue
        difference = peak - before
        body += number((2 * difference if difference >= 0 else -2 * difference - 1) + 1)
        before = peak
    return f"kube-rebalancer/history/v1\n{base64.b64encode(zlib.compress(bytes(body), 9)).decode()}\n"


def wrong_pasts(slots):
    """What may become of four weeks, name by name: they end with the slot before the simulation begins."""
    chance = random.Random(1)
    yield "four weeks", slots
    yield "nothing", []
    yield "the last day lost", slots[:-DAY] + [None] * DAY
    yield "a day of each week lost", [
        None if at % WEEK // DAY == 1 else peak for at, peak in enumerate(slots)
    ]
    yield "every second slot lost", [None if at % 2 else peak for at, peak in enumerate(slots)]
    yield "half of the slots lost, by chance", [None if chance.random() < 0.5 else peak for peak in slots]
    yield "of a hub ten times as large, twelve hours off", [10 * peak for peak in slots[DAY // 2 :] + slots[: DAY // 2]]
    yield "of a hub a tenth as large", [peak // 10 for peak in slots]
    yield "of noise", [chance.randrange(0, 1 << 18) for _ in slots]
    yield "of zeros", [0 for _ in slots]
    yield "of the largest amounts", [LARGEST for _ in slots]
    yield "of zero and the largest amount in turns", [LARGEST * (at % 2) for at, _ in enumerate(slots)]
