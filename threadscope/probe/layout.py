"""The ring file: where each number lies. `docs/ring-format.md` says the same in words.

One definition for both ends: the probe writes with it, the reader checks and reads with it.
Standard library only, Python 3.9 syntax: the probe runs in whatever Python the server has.
All numbers are in the machine's byte order; times are CLOCK_MONOTONIC nanoseconds, the one
clock that every process on the machine shares.
"""

from __future__ import annotations

import struct

MAGIC = int.from_bytes(b"TSRING\x00\x01", "little")
"""First word of a finished ring; written last, so that a half-made ring is never read."""
VERSION = 4

WORD = 8
HEADER_WORDS = 64

# -- header words ------------------------------------------------------------------------------
W_MAGIC, W_VERSION, W_PID, W_PID_START, W_CREATED, W_WALL_OFFSET = range(6)
"""PID_START: `starttime` of /proc/PID/stat, in clock ticks, so that a reused PID is told apart.
WALL_OFFSET: wall clock minus monotonic clock, ns."""
W_HEARTBEAT = 6
"""The monitors' side of the conversation: when one of them last was there, monotonic ns."""
W_ERRORS, W_CELL_OVERFLOW, W_OPEN_OVERFLOW, W_STRING_OVERFLOW = range(7, 11)
W_OPEN_HIGH, W_CELL_HIGH = 11, 12
"""Slots of the open table and cells that were ever used: the reader looks no further."""
W_PYTHON, W_LOOP, W_HTTP, W_GIL = range(13, 17)
"""String numbers (python version, event loop, HTTP parser); GIL is 1 on, 0 off."""
W_SECTIONS = 20
"""Three words for each section in the order below: offset in bytes, item size, items."""

S_CELLS, S_OPEN, S_STRINGS, S_RECORDS = range(4)

# -- thread cells: one a thread that writes; a thread adds only to its own ---------------------
CELL_WORDS = 16
CELLS = 1024
(
    C_HOPS,
    C_NOW_SINCE,
    C_NOW_WHAT,
    C_NOW_CLIENT,
    C_NOW_REQUEST,
    C_TID,
    C_NAME,
    C_ROLE,
    C_ENDED,
    C_HOPS_BEFORE,
    C_IDENT,
    C_WEBSOCKETS,
) = range(12)
"""NOW_*: what the thread runs this moment, the *step cell* on an event loop's thread. REQUEST is
written last and cleared first. WHAT: the endpoint in bits 0-15, a hop's flags from 48 on. CLIENT:
our client's request number. HOPS: that began, the one of NOW_* among them.
A cell whose thread ended goes to another one: its totals stay and grow, HOPS_BEFORE is what the
hops were when the present owner took it. WEBSOCKETS: those that are open on this loop now."""
STEP_BEGINS = struct.Struct("=4Q")
"""NOW_*, from C_NOW_SINCE on: packed in this order, so that REQUEST comes last."""
HOP_BEGINS = struct.Struct("=5Q")
"""The same with C_HOPS, from which it is written."""

ROLE_LOOP, ROLE_WORKER, ROLE_PROBE = 1, 2, 4

# -- open table: one slot a request that is open now -------------------------------------------
OPEN_WORDS = 8
OPEN = 4096
OPEN_SLOT = struct.Struct("=5Q24x")
O_ARRIVED, O_WHAT, O_SINCE, O_CLIENT_REQUEST, O_REQUEST = range(5)
"""SINCE: when a function of it was handed to a worker thread, 0: it awaits something else. A
request that a cell says is running now is running, whatever its SINCE. REQUEST is written last, and
cleared first when a slot is given back."""

# -- strings: number = slot; u16 length (written last), then UTF-8; number 0 is "unknown" ------
STRING_SIZE = 256
STRINGS = 1024
STRING_LENGTH = struct.Struct("=H")
SEPARATOR = "\x1f"
"""An endpoint is one string: method, route, function, kind (`async def`, `def`), place."""

# -- records -----------------------------------------------------------------------------------
RECORDS = 32 * 1024
MIN_RECORDS = 1024
"""Of the smallest ring, where the file system is short."""
RECORD = struct.Struct("=QBBHIQQQIIIHHQ")
"""seq, kind, flags, status, tid, request, t, a, x, y, z, what, n, seq again."""

HOP_ENDS = struct.Struct("=QBBHIIIIQQIIHHQ")
"""seq, kind, last step us, status, tid, the worker's tid, client; how long the first step took,
which ended as the function was handed over; request, arrival; from there to the end, and to the
hop's begin; the hop's wall time; what, seq again. Times are in ns where they are not in us."""
SHORT_HOP_NS = 0xFFFF
"""What fits into it."""

R_SEQ, R_KIND, R_FLAGS, R_STATUS, R_TID, R_REQUEST, R_T, R_A, R_X, R_Y, R_Z, R_WHAT, R_N = range(13)

ARRIVE = 1
"""a request waits for the first time, before an endpoint was reached: t = when it came, x = our
client's request number (0: another client), what = its method"""
ENDPOINT = 2
"""the endpoint's own code started: a = arrival, x = our client's request number. Written when the
request first waits (not when it waits for its endpoint's hop, which tells as much); at once where
the endpoint starts later than that"""
STEP = 3
"""a step of at least STEP_RECORD_NS ended: a = begin, x = CPU us, what = endpoint, n = ordinal"""
END = 4
"""a request ended, complete in itself: a = arrival, x = loop CPU us, y = loop held us,
z = longest step us, what = endpoint, n = steps, status = HTTP status; flags FAILED, and ONLY where
the request never waited, so that this is its only record: y is then our client's request number
(0: another client), and held = longest"""
HOP_IN = 5
"""not written: a reader makes it from a worker's cell, or from HOP_OUT"""
HOP_OUT = 6
"""a function ended on a worker thread: a = begin, x = CPU us, y = waited us, z = our client's
request number, what = function, flag ENDPOINT"""
LIMITER = 7
"""a threadpool: request = its number, a = borrowed tokens, x = total, y = waiting, what = name"""
LAG = 8
"""a heartbeat came late: a = lag ns; flag LAG_LOOP (tid: the loop's thread) or LAG_GIL"""
STALL = 9
"""a step (flag STALL_HOP: a hop) has lasted long: a = since, x = place in the app's code,
y = innermost place"""
SEND = 10
"""(load) a client asks: request = our number, a = scheduled, x = client, what = route"""
DONE = 11
"""(load) and is answered: a = sent, status, x = client, y = error kind, what = route"""
HOP_END = 12
"""the END of a request that was a short step, a short hop of its endpoint and another short step,
and the HOP_OUT of that hop, in one record of a form of its own, see `HOP_ENDS`"""

F_ENDPOINT = 1
F_ASYNC = 2
F_WEBSOCKET = 4
F_FAILED = 8
"""the app raised, or the client left before the response was complete"""
F_ONLY = 16
F_LAG_LOOP, F_LAG_GIL = 1, 2
F_STALL_HOP = 1
F_BESIDE = 1  # SEND, DONE: a light request beside the load, not one of it

STEP_RECORD_NS = 1_000_000
"""Shorter steps are not recorded one by one: END carries their sum and the longest."""
SLEEP_AFTER_NS = 5_000_000_000
"""A heartbeat older than this: no monitor is there, the probe sleeps."""
CLIENT_HEADER = b"x-threadscope-request"
"""Only our own load sends it: the number that joins both ends of a request."""


def sections(records: int = RECORDS) -> list[tuple[int, int, int]]:
    """Offset, item size and item count of each section, for a ring of so many records."""
    sizes = [
        (CELL_WORDS * WORD, CELLS),
        (OPEN_WORDS * WORD, OPEN),
        (STRING_SIZE, STRINGS),
        (RECORD.size, records),
    ]
    out, offset = [], HEADER_WORDS * WORD
    for size, count in sizes:
        out.append((offset, size, count))
        offset += size * count
    return out


def total_size(records: int = RECORDS) -> int:
    """Bytes of a whole ring file."""
    offset, size, count = sections(records)[-1]
    return offset + size * count
