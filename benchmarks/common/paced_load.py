"""A small HTTP client on raw sockets, for observer_effect.py: closed loop, or a fixed schedule.

    python paced_load.py PORT PATH RATE SECONDS

With RATE 0 each of the connections asks again as soon as it was answered. Otherwise requests are
due at even intervals, on connections that are free (open schedule): a request that finds none
waits, and its lateness is told. Prints one line: requests, seconds, requests that were late.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from typing import cast

try:
    import uvloop
except ImportError:  # asyncio's own loop then: a busier load
    uvloop = None

CONNECTIONS = 32
LATE_S = 0.05
SETTLE_S = 0.3


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

    async def run(self, port: int, seconds: float) -> tuple[int, float]:
        """Asks for so long, after a moment of settling; requests answered, and the time."""
        loop = asyncio.get_running_loop()
        clients = [
            (await loop.create_connection(lambda: Client(self), "127.0.0.1", port))[1]
            for _ in range(CONNECTIONS)
        ]
        for client in clients:
            if self._rate:
                self._free.append(client)
            else:
                client.ask()
        paced = asyncio.create_task(self._pace()) if self._rate else None
        await asyncio.sleep(SETTLE_S)
        print("go", flush=True)
        before, begin = self.done, time.monotonic()
        await asyncio.sleep(seconds)
        done, passed = self.done - before, time.monotonic() - begin
        if paced:
            paced.cancel()
        return done, passed

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
    """Runs the load; exits with a message when the server did not answer as it should."""
    port, path, rate, seconds = sys.argv[1:]
    load = Load(path, float(rate))
    with asyncio.Runner(loop_factory=getattr(uvloop, "new_event_loop", None)) as runner:
        done, passed = runner.run(load.run(int(port), float(seconds)))
    if load.bad:
        raise SystemExit(f"{load.bad} answers were not 200")
    print(f"{done} {passed:.6f} {load.late}", flush=True)


if __name__ == "__main__":
    main()
