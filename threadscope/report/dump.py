"""One snapshot as lines or as a document: `threadscope dump`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import threadscope
from threadscope.model.snapshot import Snapshot, ThreadRow
from threadscope.report.units import duration, percent, plural


def dump_lines(snapshot: Snapshot) -> Iterator[str]:
    """What a person reads, or puts into a bug report."""
    target = snapshot.target
    yield target.command
    python = f"python {target.python}" if target.python else "python"
    count = len(target.pids)
    processes = f"{count} processes" if count != 1 else "1 process"
    facts = [python, *([f"on {target.url}"] if target.url else []), processes]
    yield ", ".join(facts)
    if snapshot.health.limited:
        yield f"limited: {snapshot.health.limited}"
    yield ""
    yield f"{'PID':>8} {'TID':>8}  S {'%CPU':>6}  {'THREAD':<22} NOW"
    for row in snapshot.threads:
        where = f"{row.pid:>8} {row.tid:>8}  {row.state} {percent(row.cpu_percent):>6}"
        yield f"{where}  {row.label:<22} {_now(row, snapshot.at)}".rstrip()
    yield ""
    yield ", ".join(_counts(snapshot))


def _counts(snapshot: Snapshot) -> Iterator[str]:
    if snapshot.open is not None:
        yield plural(snapshot.open, "open request")
    if snapshot.websockets:
        yield plural(snapshot.websockets, "open WebSocket")
    if snapshot.queued is not None:
        least = "at least " if snapshot.queued_at_least else ""
        yield f"{least}{snapshot.queued} waiting"
    for pool in snapshot.limiters:
        yield f"pool {pool.name} {pool.borrowed_tokens}/{pool.total_tokens}"
    if snapshot.cores_used is not None:
        yield f"{snapshot.cores_used:.2f} of {plural(snapshot.target.cpus, 'core')}"


def _now(row: ThreadRow, at: int) -> str:
    if row.now is not None:
        return f"#{row.now.request} {row.now.endpoint.label} {duration(at - row.now.since)}"
    return f"{row.where}{' (has the GIL)' if row.holds_gil else ''}".strip()


def dump_document(snapshot: Snapshot) -> dict[str, Any]:
    """What a program reads. Unknown is null."""
    target = snapshot.target
    return {
        "schema": 0,
        "threadscope": threadscope.__version__,
        "target": {
            "command": target.command,
            "pids": list(target.pids),
            "python": target.python or None,
            "gil": target.gil,
            "loop": target.loop or None,
            "http": target.http or None,
            "url": target.url or None,
        },
        "limited": snapshot.health.limited or None,
        "requests": {
            "open": snapshot.open,
            "waiting": snapshot.queued,
            "in_threads": snapshot.in_threads,
            "websockets": snapshot.websockets,
        },
        "cores_used": snapshot.cores_used and round(snapshot.cores_used, 3),
        "limiters": [limiter._asdict() for limiter in snapshot.limiters],
        "threads": [_thread(row, snapshot.at) for row in snapshot.threads],
    }


def _thread(row: ThreadRow, at: int) -> dict[str, Any]:
    return {
        "pid": row.pid,
        "tid": row.tid,
        "name": row.label,
        "role": row.role.value,
        "state": row.state,
        "cpu_percent": row.cpu_percent and round(row.cpu_percent, 1),
        "where": row.where or None,
        "holds_gil": row.holds_gil if row.where else None,
        "request": row.now.request if row.now else None,
        "endpoint": row.now.endpoint.label if row.now else None,
        "since_ms": round((at - row.now.since) / 1e6, 3) if row.now else None,
    }
