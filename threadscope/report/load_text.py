"""A load by itself as text, in the order in which hey says it."""

from __future__ import annotations

from collections.abc import Iterator

from threadscope.model.histogram import Histogram, middle
from threadscope.model.load_summary import LoadSummary
from threadscope.model.snapshot import Latency
from threadscope.report.units import UNKNOWN, plural, rate

BAR = 40
STEPS = 10
PERCENTILES = {"50%": "p50", "90%": "p90", "95%": "p95", "99%": "p99", "99.9%": "p999"}


def load_lines(one: LoadSummary) -> list[str]:
    """The whole report."""
    blocks = [_summary(one), _bars(one.latency), _percentiles(one), _schedule(one), _codes(one)]
    lines = [line for block in (*blocks, _errors(one)) if block for line in (*block, "")]
    if one.generator_bound:
        lines += [one.bound_sentence, ""]
    if one.aborted and one.duration_s:
        lines += [f"It ended early, after {fine(one.duration_s * 1e9)}: {one.aborted}.", ""]
    elif one.aborted:
        lines += [f"It ended while it settled, before anything was measured: {one.aborted}.", ""]
    return lines[:-1]


def _summary(one: LoadSummary) -> list[str]:
    latency, size = one.latency.latency(), one.received_bytes
    answers = sum(one.statuses.values())
    rows = [
        ("Total", _total(one)),
        ("Slowest", fine(latency.max)),
        ("Fastest", fine(latency.min)),
        ("Average", fine(latency.mean)),
        ("Requests/sec", rate(one.per_second)),
        ("Requests", _counts(one)),
        ("Total data", _bytes(size)),
        ("Size/request", _bytes(size // answers) if answers else UNKNOWN),
        ("Load", _load(one)),
    ]
    return ["Summary:", *(f"  {name + ':':<14}{text}" for name, text in rows)]


def _total(one: LoadSummary) -> str:
    parts = [fine(one.duration_s * 1e9)]
    around = (("settled", one.settle_s), ("drained", one.drain_s))
    parts += [f"{word} {fine(s * 1e9)}" for word, s in around if s >= 0.001]
    if one.burst_s is not None:
        parts.append(f"burst of {one.asked.clients} in {fine(one.burst_s * 1e9)}")
    return ", ".join(parts)


def _counts(one: LoadSummary) -> str:
    cut = f", {one.cut_off:,} cut off at the end" if one.cut_off else ""
    return f"{one.started:,}: {one.completed:,} completed, {one.failed:,} failed{cut}"


def _load(one: LoadSummary) -> str:
    asked = one.asked
    parts = [plural(asked.clients, "client")]
    if asked.model == "burst":
        parts = [f"a burst of {plural(asked.clients, 'request')}"]
    if asked.rate is not None:
        parts.append(f"{asked.rate:,g} requests/sec on schedule")
    if not asked.keep_alive:
        parts.append("a connection for each request")
    if one.generator_percent is not None:
        parts.append(f"{one.generator_percent:.0f} % of a core")
    return ", ".join(parts)


def _bars(histogram: Histogram) -> list[str]:
    if histogram.count < 2:
        return []
    values = [(min(middle(i), histogram.max), n) for i, n in sorted(histogram.counts.items())]
    edges = _edges(histogram, values[-1][0])
    counts = [0] * len(edges)
    row = 0
    for value, count in values:
        while row < len(edges) - 1 and value > edges[row]:
            row += 1
        counts[row] += count
    labels = [f"[{count:,}]" for count in counts]
    width, most = max(map(len, labels)), max(counts)
    return [
        "Response time histogram:",
        *(
            f"  {fine(edge):>7} {label:<{width}} |{'■' * round(BAR * count / most)}"
            for edge, label, count in zip(edges, labels, counts, strict=True)
        ),
    ]


def _edges(histogram: Histogram, slowest: int) -> list[float]:
    """The rows' upper ends: even steps to the 99th percentile, and one more for the slowest.

    So a few outliers do not press all others into one row.
    """
    low, high, most = histogram.min, histogram.percentile(99), histogram.max
    if slowest <= high:
        high = most
    if high == low:
        return [float(most)]
    edges = [low + (high - low) * step / STEPS for step in range(1, STEPS + 1)]
    return edges if high == most else [*edges, float(most)]


def _percentiles(one: LoadSummary) -> list[str]:
    latency = one.latency.latency()
    known = [(word, name) for word, name in PERCENTILES.items() if getattr(latency, name)]
    if not known:
        return []
    if one.schedule is None:
        lines = [f"  {word:>5} in {fine(getattr(latency, name))}" for word, name in known]
        return ["Latency distribution:", *lines]
    from_schedule = one.schedule.latency.latency()
    head = "Latency distribution:  from its sending   from its moment on the schedule"
    return [head, *(_two(word, name, latency, from_schedule) for word, name in known)]


def _two(word: str, name: str, sent: Latency, due: Latency) -> str:
    return f"  {word:>5} in {fine(getattr(sent, name)):>29}   {fine(getattr(due, name)):>31}"


def _schedule(one: LoadSummary) -> list[str]:
    found = one.schedule
    if found is None:
        return []
    return [
        "Schedule:",
        f"  {found.scheduled:,} scheduled = {found.on_time:,} sent on time"
        f" + {found.late:,} sent late + {found.dropped:,} dropped",
    ]


def _codes(one: LoadSummary) -> list[str]:
    if not one.statuses:
        return []
    lines = [f"  [{status}] {plural(n, 'response')}" for status, n in one.statuses.items()]
    return ["Status code distribution:", *lines]


def _errors(one: LoadSummary) -> list[str]:
    if not one.errors:
        return []
    return ["Error distribution:", *_error_lines(one)]


def _error_lines(one: LoadSummary) -> Iterator[str]:
    for kind, count in one.errors.items():
        why = one.reasons.get(kind, "")
        name = kind.replace("_", " ")
        yield f"  [{count:,}] {name}" + (f": {why[:1].lower()}{why[1:]}" if why else "")


def fine(ns: float | None) -> str:
    """`192 µs`, `1.08 ms`, `39.1 ms`, `1.21 s`: three digits, as latencies are compared by."""
    if ns is None:
        return UNKNOWN
    for unit, size in (("µs", 1e3), ("ms", 1e6)):
        if ns < 999.5 * size:
            value = ns / size
            digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
            return f"{value:.{digits}f} {unit}"
    return f"{ns / 1e9:.2f} s"


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
