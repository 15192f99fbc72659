"""The words of docs/experiments.md: what was asked, what an article saw, and why it is so."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

Rounds = dict[tuple[str, str, int | None], list[dict[str, Any]]]
About = dict[str, Any]


class Experiment(NamedTuple):
    """One demo in the document."""

    demo: str
    title: str
    question: str
    article: str
    why: tuple[str, ...]


NOBODY = ""

EXPERIMENTS = (
    Experiment(
        "hello",
        "A string: what the hop to a thread costs",
        "A hundred clients ask for a string.",
        "`async def` 13,190 requests a second, `def` 7,103: 1.86 times (`ab -n 1000 -c 100`).",
        (
            "A `def` endpoint goes through `run_in_threadpool` to `anyio.to_thread.run_sync`: the",
            "event loop borrows a token, wakes a worker thread, and is woken when that has ended.",
            "Where the endpoint does next to nothing, this is most of what a request costs.",
            "Compare *CPU a request* and *switches a request*.",
        ),
    ),
    Experiment(
        "loop",
        "A million additions",
        "Twenty clients (a hundred in the demo, a hundred in the article).",
        "`async def` 31.5 requests a second, `def` 15.6: 2.02 times.",
        (
            "Either way one thread runs Python code at a time. With `def` up to as many threads as",
            "there are clients share the GIL, which is handed over every 5 ms; what that costs",
            "depends on the machine and on the Python.",
        ),
    ),
    Experiment(
        "workers",
        "The same on several processes",
        "One uvicorn worker a core, twenty clients.",
        "`async def` 454 requests a second, `def` 368: 1.23 times, with 32 workers on 32 hardware"
        " threads.",
        (
            "Each process has a GIL of its own: this is what makes Python code run at the same",
            "time on several cores. Connections are spread by the kernel, and not evenly.",
        ),
    ),
    Experiment(
        "io",
        "Waiting for 2 s",
        "So many requests at once; the time until the last one is answered.",
        "20, 40, 80, 120 at once: `async def` 2.06, 2.09, 2.13, 2.17 s; `def` 2.08, 2.09, 4.13,"
        " 6.14 s.",
        (
            "A coroutine that waits costs no thread. A `def` endpoint that waits keeps one of the",
            "40 tokens of AnyIO's limiter; the others stand in line before their code has begun.",
        ),
    ),
    Experiment(
        "cpu",
        "A busy loop, watched",
        "Four clients that ask again as soon as they are answered.",
        "`async def`: strictly start, end, start, end, and one thread at 99.9 %. `def`: four"
        " starts, then ends and starts in any order, and four threads at 31, 29, 27 and 14 %:"
        " together one core.",
        (
            "The event loop cannot serve anybody else until the endpoint returns. With `def` all",
            "four are under way, each on a thread, and share one core because they share one GIL.",
        ),
    ),
    Experiment(
        "blocking",
        "`time.sleep` in `async def`",
        "Ten clients, 0.3 s of waiting.",
        NOBODY,
        (
            "The mistake that people really make, with `requests.get` or a driver that blocks: the",
            "event loop sleeps, and nobody is served. Requests come one after the other while the",
            "CPU is idle. Say `def`, or await something.",
        ),
    ),
    Experiment(
        "fairness",
        "A health check beside heavy requests",
        "Four clients compute, `/health` is asked ten times a second.",
        NOBODY,
        (
            "What computes on the event loop stops everybody else of that process. On a worker",
            "thread it competes with the event loop for the GIL, which is handed over every 5 ms.",
        ),
    ),
    Experiment(
        "pool",
        "Slow requests that use up the threadpool",
        "Sixty clients ask for something slow, `/pool/quick` is asked ten times a second.",
        NOBODY,
        (
            "All `def` endpoints, sync dependencies and files of an application share 40 tokens. A",
            "limiter of their own keeps slow requests from starving the others.",
        ),
    ),
    Experiment(
        "native",
        "Code that lets go of the GIL",
        "Four clients, 300 MB to hash in each request.",
        NOBODY,
        (
            "`hashlib` computes without the GIL: in `def` endpoints, threads of one process do run",
            "on several cores at the same time. On the event loop one core is all there is.",
        ),
    ),
)


def _one(rounds: Rounds, key: tuple[str, str, int | None], *path: str | int) -> float:
    """The median over the rounds; 0 where it was not measured."""
    found = []
    for phase in rounds.get(key, []):
        value: Any = phase
        for step in path:
            value = value[step]
        if value is not None:
            found.append(value)
    return median(found) if found else 0.0


def _tokens(rounds: Rounds, about: About) -> str:
    [limiter] = rounds["io", "def", 120][0]["server"]["processes"][0]["limiters"]
    cpus = about["host"]["cpus"]
    return (
        f"It is AnyIO's limiter, with {limiter['total_tokens']} tokens on any machine. This one has"
        f" {cpus} cores, where `ThreadPoolExecutor` would begin {cpus + 4} threads (once"
        f" {cpus * 5}); {limiter['borrowed_max']} tokens were lent at a time, and"
        f" {limiter['waiting_max']} of 120 requests waited."
    )


def _threads(rounds: Rounds, about: About) -> str:
    few = _one(rounds, ("io", "def", 20), "burst", "threads")
    many = _one(rounds, ("io", "def", 120), "burst", "threads")
    return f"20 requests at once were answered by {few:.0f} threads, 120 by {many:.0f}."


def _always(rounds: Rounds, about: About) -> str:
    path = ("beside", 0, "latency_ms", "p50")
    slow, quick = (_one(rounds, ("fairness", key, None), *path) for key in ("async", "def"))
    return (
        "One article looked only at throughput. Beside heavy `async def` requests a health check"
        f" took {slow:,.0f} ms, beside the same in `def` {quick:,.0f} ms (median)."
    )


def _parallel(rounds: Rounds, about: About) -> str:
    cores = [
        _one(rounds, ("native", key, None), "server", "cores_used") for key in ("async", "def")
    ]
    return (
        "Python code shares one GIL; hashing lets go of it, and used"
        f" {cores[0]:.2f} cores in `async def` and {cores[1]:.2f} in `def`."
    )


def _machine(rounds: Rounds, about: About) -> str:
    hello, loop = (
        _one(rounds, (demo, "async", None), "requests", "per_second")
        / max(_one(rounds, (demo, "def", None), "requests", "per_second"), 1e-9)
        for demo in ("hello", "loop")
    )
    return f"Here they are {hello:.2f} for a string and {loop:.2f} for a million additions."


def _generator(rounds: Rounds, about: About) -> str:
    busy = _one(rounds, ("hello", "async", None), "load", "generator_cpu_percent")
    return (
        "At the string's rate the load used"
        f" {busy:.0f} % of a core here. At 100 % its own speed would be all that is measured."
    )


def _mistake(rounds: Rounds, about: About) -> str:
    rate = _one(rounds, ("blocking", "mistake", None), "requests", "per_second")
    other = _one(rounds, ("blocking", "def", None), "requests", "per_second")
    cores = _one(rounds, ("blocking", "mistake", None), "server", "cores_used")
    return (
        f"{rate:.1f} requests a second with {cores:.2f} cores in use, where `def` answers"
        f" {other:.0f}."
    )


LESSONS: tuple[tuple[str, Callable[[Rounds, About], str]], ...] = (
    ("The threadpool's size has nothing to do with the cores.", _tokens),
    ("Threads are made as they are needed.", _threads),
    ("`async def` is not always better, CPU-bound or not.", _always),
    ("Threads of one process can run in parallel.", _parallel),
    ("The ratios are the machine's and the Python's.", _machine),
    ("A load that is the bottleneck hides the difference.", _generator),
    ("`time.sleep` in `async def` is neither concurrent nor busy:", _mistake),
)

OUTRO = (
    "## Again, and on your machine",
    "",
    "```console",
    "$ make experiments                      # all of it, and this page",
    "$ threadscope compare hello cpu loop    # some of it, as a table",
    "$ threadscope demo fairness             # one of it, live",
    "```",
)
