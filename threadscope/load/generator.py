"""The load process: `python -m threadscope.load.generator [RING_FOLDER]`.

It takes commands on its standard input and reports on its standard output, a JSON line each (see
`messages`), and ends when its input does: when its parent closes it, or is gone.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable

from threadscope.load.messages import (
    Begin,
    Command,
    Event,
    Ready,
    SetClients,
    SetOn,
    SetRate,
    Stop,
    Usage,
    command_from,
    to_line,
)
from threadscope.load.phase import Phase
from threadscope.load.plan import MAX_BODY
from threadscope.probe.ring import RingWriter

USAGE_EVERY_S = 1.0
MAX_LINE = 2 * MAX_BODY
"""Of a command: a body makes it long, and a third longer than itself."""

new_event_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
try:
    import uvloop
except ImportError:  # not on Windows; it only costs speed
    LOOP = "asyncio"
else:
    LOOP = "uvloop"
    new_event_loop = uvloop.new_event_loop


def report(event: Event) -> None:
    """Writes one line to standard output, unbuffered."""
    try:
        os.write(1, to_line(event))
    except BrokenPipeError:
        pass  # the parent is gone: our input ends too, and with it this process


def complain(text: str) -> None:
    """Writes one line to standard error, which the parent keeps."""
    sys.stderr.write(f"load: {text}\n")


class Generator:
    """Runs the phases that it is told to, one after another."""

    def __init__(self, ring: RingWriter | None) -> None:
        self._ring = ring
        # without a ring nobody joins both ends of a request: it has no number, and no header for it
        self._next_request = itertools.count(1).__next__ if ring else itertools.repeat(0).__next__
        self._phases: deque[Phase] = deque()
        """The one that runs, then those that wait."""
        self._more = asyncio.Event()

    async def run(self) -> None:
        """Until standard input ends."""
        loop = asyncio.get_running_loop()
        commands = asyncio.StreamReader(MAX_LINE)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        async with asyncio.TaskGroup() as group:  # an error in one of them ends the process
            background = [group.create_task(self._run_phases()), group.create_task(watch_usage())]
            report(Ready(os.getpid(), LOOP))
            async for line in commands:
                try:
                    self._obey(command_from(line))
                except ValueError as error:
                    complain(f"ignored a command: {error}")
            for task in background:
                task.cancel()

    def _obey(self, command: Command) -> None:
        match command:
            case Begin(plan):
                self._stop_all()
                self._phases.append(Phase(plan, self._ring, self._next_request, report))
                self._more.set()
            case SetClients(clients) if self._phases:
                self._phases[-1].set_clients(clients)
            case SetRate(rate) if self._phases:
                self._phases[-1].set_rate(rate)
            case SetOn(on) if self._phases:
                self._phases[-1].set_on(on)
            case Stop(within_s):
                self._stop_all(within_s)

    def _stop_all(self, within_s: float | None = None) -> None:
        for phase in self._phases:
            phase.stop(within_s)

    async def _run_phases(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            while self._phases:
                report(await self._phases[0].run())
                self._phases.popleft()


async def watch_usage() -> None:
    """Reports now and then what this process costs."""
    t, cpu = time.monotonic_ns(), time.process_time_ns()
    while True:
        await asyncio.sleep(USAGE_EVERY_S)
        t_before, cpu_before = t, cpu
        t, cpu = time.monotonic_ns(), time.process_time_ns()
        report(Usage(100 * (cpu - cpu_before) / (t - t_before), t))


def allow_many_connections() -> None:
    """Raises the limit of open files, often 1024, as far as one may."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):
        pass


def main(arguments: list[str]) -> int:
    """Runs the process and returns its exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to understand
    if len(arguments) > 1:
        complain("give it one argument at most, the folder for its ring file")
        return 2
    try:
        ring = RingWriter(arguments[0], name="load") if arguments else None
    except OSError as error:
        complain(f"cannot make a ring file in {arguments[0]}: {error.strerror or error}")
        return 1
    allow_many_connections()
    gc.collect()
    gc.freeze()  # what was imported stays: no need to look through it again and again
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(Generator(ring).run())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
