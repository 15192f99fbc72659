"""A small HTTP client on raw sockets, for observer_effect.py: closed loop, or a fixed schedule.

    python paced_load.py PATH

Each line of its standard input is a slice of load: PORT PID RATE SECONDS. With RATE 0 each of the
connections asks again as soon as it was answered. Otherwise requests are due at even intervals, on
connections that are free (open schedule): a request that finds none waits, and its lateness is
told. Prints a line for each: requests, seconds, requests that were late, and CPU ns of process PID
a request, for each fiftieth of a second. The clocks are read here, so that they are read when the
requests are counted.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from typing import cast

from threadscope.sampling.proc import process_clock

try:
    import uvloop
except ImportError:  # asyncio's own loop then: a busier load
    uvloop = None  # type: ignore[assignment]  # a module, or none

CONNECTIONS = 32
LATE_S = 0.05
SETTLE_S = 0.1
PIECE_S = 0.02


class Client(asyncio.Protocol):
    """One connection; one request at a time on it."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Is there."""
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's is of no such class

    def connection_lost(self, error: Exception | None) -> None:
        """Is gone: nobody should do that before the end."""
        self._load.lost += 1

    def ask(self) -> None:
        """Sends a request."""
        self._transport.write(self._load.request)

    def data_received(self, data: bytes) -> None:
        """The answer, in one piece or in several; the body of the hello app ends in a quote."""
        self._answer += data
        if self._answer.endswith(b'"'):
            good = self._answer.startswith(b"HTTP/1.1 200")
            self._answer = b""
            self._load.answered(self, good)


class Load:
    """All connections, and the schedule.

    Args:
        path: what is asked for.
        rate: requests a second; 0: as many as there are answers.
    """

    def __init__(self, path: str, rate: float) -> None:
        self.request = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: */*\r\n\r\n".encode()
        self.done = self.bad = self.late = self.lost = 0
        self._rate = rate
        self._free: deque[Client] = deque()

    def answered(self, client: Client, good: bool) -> None:
        """A client is free again."""
        self.done += 1
        self.bad += not good
        if self._rate:
            self._free.append(client)
        else:
            client.ask()

    async def run(self, port: int, pid: int, seconds: float) -> str:
        """Asks for so long, after a moment of settling; the line that is to be printed."""
        loop, clock = asyncio.get_running_loop(), process_clock(pid)
        opened = [
            await loop.create_connection(lambda: Client(self), "127.0.0.1", port)
            for _ in range(CONNECTIONS)
        ]
        for _, client in opened:
            if self._rate:
                self._free.append(client)
            else:
                client.ask()
        paced = asyncio.create_task(self._pace()) if self._rate else None
        await asyncio.sleep(SETTLE_S)
        begin, before, pieces = time.monotonic(), self.done, list[float]()
        while (passed := time.monotonic() - begin) < seconds:
            done, used = self.done, time.clock_gettime_ns(clock)
            await asyncio.sleep(PIECE_S)
            used = time.clock_gettime_ns(clock) - used
            if self.done > done:
                pieces.append(used / (self.done - done))
        done = self.done - before
        if paced:
            paced.cancel()
        if self.bad or self.lost:
            raise SystemExit(f"{self.bad} answers were not 200, {self.lost} connections were lost")
        for transport, _ in opened:
            transport.abort()
        await asyncio.sleep(SETTLE_S / 2)  # the server sees that, before another slice begins
        return f"{done} {passed:.6f} {self.late} {' '.join(f'{one:.0f}' for one in pieces)}"

    async def _pace(self) -> None:
        due = time.monotonic()
        while True:
            now = time.monotonic()
            while due <= now and self._free:
                self.late += now - due > LATE_S
                self._free.popleft().ask()
                due += 1 / self._rate
            await asyncio.sleep(max(due - now, 0.001))


def main() -> None:
    """Runs the slices; exits with a message when a server did not answer as it should."""
    path = sys.argv[1]
    with asyncio.Runner(loop_factory=getattr(uvloop, "new_event_loop", None)) as runner:
        for line in sys.stdin:
            port, pid, rate, seconds = line.split()
            load = Load(path, float(rate))
            print(runner.run(load.run(int(port), int(pid), float(seconds))), flush=True)


if __name__ == "__main__":
    main()
