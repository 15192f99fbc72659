"""`threadscope load`: a load by itself, on any HTTP server, from its begin to its report."""

from __future__ import annotations

import io
import json
import socket
import sys
from collections.abc import Iterable
from queue import Empty, SimpleQueue

import click

from threadscope.load.control import LoadProcess
from threadscope.load.messages import Died, Event, Progress, Ready, Result, Scheduled
from threadscope.load.plan import LoadPlan
from threadscope.load.request import Origin, origin_of
from threadscope.model.histogram import Histogram
from threadscope.model.load_summary import Asked, LoadSummary, OnSchedule
from threadscope.model.redact import shown_headers, shown_url
from threadscope.report.load_document import load_document
from threadscope.report.load_text import load_lines
from threadscope.report.units import duration, plural, rate
from threadscope.signals import Signals
from threadscope.targets.process import Ended
from threadscope.usage import complain

LOOK_S = 0.1
CONNECT_S = 5.0
HURRY_S = 0.5
"""After Ctrl-C: so long the answers to what is in flight are awaited."""
OWN_FILES = 64
"""That the load process has open besides its connections."""


class LoadError(Exception):
    """The load cannot be made; one line that says why and what to do."""


def load(plan: LoadPlan, *, as_json: bool) -> int:
    """Makes a load and prints its report.

    Args:
        plan: the load.
        as_json: a report for programs; text otherwise.

    Returns:
        The exit status: 0; 1 when nothing was answered; 128 + n after signal n.
    """
    with Signals() as signals:
        try:
            check_descriptors(plan)
            for origin in dict.fromkeys(map(origin_of, plan.urls)):
                check_server(origin, min(CONNECT_S, plan.timeout_s))
            summary = _run(plan, signals)
        except LoadError as error:
            complain(str(error))
            return 128 + signals.number if signals.number else 1
        _print(summary, as_json)
        if signals.number:
            return 128 + signals.number
    if not summary.statuses:
        complain(_why_nothing(summary))
        return 1
    return 0


# -- before --------------------------------------------------------------------------------------
def check_descriptors(plan: LoadPlan) -> None:
    """Raises LoadError where the system allows fewer open files than the clients need."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    needed = plan.clients * len(set(map(origin_of, plan.urls))) + OWN_FILES
    if allowed != resource.RLIM_INFINITY and needed > allowed:
        raise LoadError(
            f"{plural(plan.clients, 'client')} need {needed:,} open files, and {allowed:,} are"
            " allowed here: ask for fewer with -c, or allow more with ulimit -Hn"
        )


def check_server(origin: Origin, timeout_s: float) -> None:
    """Raises LoadError where nobody takes a connection; nothing is asked."""
    place = f"{origin.host}:{origin.port}"
    try:
        socket.create_connection(origin, timeout_s).close()
    except TimeoutError:
        raise LoadError(f"{place} takes no connection within {timeout_s:g} s") from None
    except socket.gaierror:
        raise LoadError(f"nobody knows a host called {origin.host}") from None
    except ConnectionRefusedError:
        raise LoadError(f"nothing listens on {place}: is the server up, on that port?") from None
    except OSError as error:
        raise LoadError(f"cannot connect to {place}: {error.strerror or error}") from None


# -- meanwhile -----------------------------------------------------------------------------------
def _run(plan: LoadPlan, signals: Signals) -> LoadSummary:
    events: SimpleQueue[Event] = SimpleQueue()
    process = LoadProcess(None, events.put)
    progress = ProgressLine()
    loop, hurried = "", False
    try:
        process.start()
        process.begin(plan)
        while True:
            if signals.number and not hurried:
                hurried = True
                process.stop(within_s=HURRY_S)
            try:
                event = events.get(timeout=LOOK_S)
            except Empty:
                continue
            if isinstance(event, Ready):
                loop = event.loop
            elif isinstance(event, Progress):
                progress.show(event)
            elif isinstance(event, Result):
                return summarize(plan, event, loop, "interrupted" if hurried else "")
            elif isinstance(event, Died):
                raise LoadError(_end_of(event))
    except OSError as error:
        raise LoadError(f"cannot start a process: {error.strerror}") from error
    finally:
        progress.clear()
        process.close()


def _end_of(died: Died) -> str:
    how = Ended.with_code(died.status).said_of("the load process")
    return ": ".join([how, *died.last_lines[-1:]])


class ProgressLine:
    """A line on standard error that is written over and over, where that is a terminal."""

    def __init__(self) -> None:
        self._begun: int | None = None
        self._on = sys.stderr.isatty()
        self._width = 0

    def show(self, now: Progress) -> None:
        """Says where the load is."""
        self._begun = self._begun or now.t
        parts = [
            f"{duration(now.t - self._begun) if now.t > self._begun else '0 s'}",
            f"{rate(now.per_second)} req/s",
            f"p50 {duration(now.p50)}",
            f"p99 {duration(now.p99)}",
            f"in flight {now.in_flight:,}",
            f"answered {now.answered:,}",
            f"failed {now.failed:,}",
        ]
        if now.late is not None:
            parts.append(f"late {now.late:,}  dropped {now.dropped or 0:,}")
        self._write("  ".join(parts))

    def clear(self) -> None:
        """Leaves no trace."""
        if self._width:
            self._write("")
            sys.stderr.write("\r")

    def _write(self, text: str) -> None:
        if self._on:
            sys.stderr.write("\r" + text.ljust(self._width))
            sys.stderr.flush()
            self._width = len(text)


# -- afterwards ----------------------------------------------------------------------------------
def summarize(plan: LoadPlan, result: Result, loop: str, aborted: str) -> LoadSummary:
    """The load's own counts, with what was asked."""
    return LoadSummary(
        asked=Asked(
            urls=tuple(map(shown_url, plan.urls)),
            method=plan.method,
            headers=shown_headers(plan.headers),
            body_bytes=len(plan.body),
            model=plan.model.value,
            clients=plan.clients,
            rate=plan.rate,
            timeout_s=plan.timeout_s,
            keep_alive=plan.keep_alive,
        ),
        started=result.started,
        completed=result.completed,
        failed=result.failed,
        cut_off=result.cut_off,
        per_second=result.per_second,
        settle_s=result.settle_s,
        duration_s=result.duration_s,
        drain_s=result.drain_s,
        latency=_histogram(result.histogram),
        statuses=result.statuses,
        errors=result.errors,
        reasons=result.reasons,
        received_bytes=result.received_bytes,
        burst_s=result.burst.total_s if result.burst else None,
        schedule=_on_schedule(result.scheduled) if result.scheduled else None,
        generator_percent=result.generator_percent,
        loop=loop,
        aborted=aborted,
    )


def _on_schedule(found: Scheduled) -> OnSchedule:
    latency = _histogram(found.histogram)
    return OnSchedule(found.scheduled, found.on_time, found.late, found.dropped, latency)


def _histogram(data: dict[str, object]) -> Histogram:
    return Histogram.from_json(data) if data else Histogram()


def _print(summary: LoadSummary, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(load_document(summary), indent=1))
        return
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every locale knows µ
    _echo(load_lines(summary))


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _why_nothing(summary: LoadSummary) -> str:
    if not summary.started:
        return "no request was sent"
    parts = []
    for kind, count in summary.errors.items():
        why = summary.reasons.get(kind)
        parts.append(f"{count:,} {kind}" + (f" ({why})" if why else ""))
    if summary.cut_off:
        parts.append(f"{summary.cut_off:,} unanswered")
    return "no request was answered: " + ", ".join(parts)
