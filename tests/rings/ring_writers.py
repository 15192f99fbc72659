"""Programs that write rings for the tests to read: `ring_writers.py FOLDER WHAT`."""

from __future__ import annotations

import os
import sys
import threading
import time

from threadscope.probe import layout as L
from threadscope.probe import state
from threadscope.probe.ring import RingWriter

WRITERS = 4
FLOOD = 60_000
PACED = 2_000


def put(writer, tid, number):
    writer.put(L.STEP, 0, 0, tid, number, time.monotonic_ns())


def close_slot(writer, slot):
    """Gives a slot of the open table back, as the probe does at the end of a request."""
    writer.words[slot + L.O_REQUEST] = 0
    writer.free_open.append(slot)


def say(text):
    """Tells the test how far it is; waits until the test has answered."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
    sys.stdin.readline()


def in_threads(writer, work):
    threads = [threading.Thread(target=work, args=(writer, tid)) for tid in range(1, WRITERS + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def flood(folder):
    """Four threads at full speed."""
    sys.setswitchinterval(1e-5)  # more often in the middle of each other's writing

    def work(writer, tid):
        for number in range(1, FLOOD + 1):
            put(writer, tid, number)

    writer = RingWriter(folder)
    say("ready")
    in_threads(writer, work)


def paced(folder):
    """2,000 records a second, for a second."""
    writer = RingWriter(folder)
    say("ready")
    begin = time.monotonic()
    for number in range(1, PACED + 1):
        put(writer, 1, number)
        time.sleep(max(begin + number / PACED - time.monotonic(), 0))


def endless(folder):
    """Four threads that write until somebody kills them; two requests are open."""

    def work(writer, tid):
        number = 0
        while True:
            number += 1
            put(writer, tid, number)

    writer = RingWriter(folder)
    for number in (1, 2):
        slot = writer.open_slot()
        L.OPEN_SLOT.pack_into(writer.map, slot * 8, 5, writer.string("GET /"), 0, 0, number)
    writer.cell(41, 41, L.ROLE_LOOP, "MainThread")
    say("ready")
    in_threads(writer, work)


def forked(folder):
    """A parent and a child that write one after the other, each into its own ring."""
    os.environ[state.FOLDER_VARIABLE] = folder
    parent = state.current()
    put(parent.ring, 1, 1)
    child = os.fork()
    if child == 0:
        probe = state.current()
        put(probe.ring, 2, 101)
        put(probe.ring, 2, 102)
        os._exit(0 if probe.ring.path != parent.ring.path else 1)
    _, status = os.waitpid(child, 0)
    put(state.current().ring, 1, 2)
    say(f"{status} {os.getpid()} {child}")


if __name__ == "__main__":
    globals()[sys.argv[2]](sys.argv[1])
