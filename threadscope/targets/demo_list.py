"""What demos there are: an app each, the ways to ask it, and by how many clients."""

from __future__ import annotations

from dataclasses import dataclass

from threadscope.model.snapshot import Variant


@dataclass(frozen=True, slots=True)
class DemoVariant:
    """One way to answer the same request."""

    variant: Variant
    path: str
    """What a client asks for, `{client}` being its number: `/cpu/async/{client}`."""
    route: str
    """As the app writes it."""


@dataclass(frozen=True, slots=True)
class DemoBeside:
    """A light request that is asked beside the heavy ones, in every variant."""

    path: str
    rate: float
    """Requests a second."""


@dataclass(frozen=True, slots=True)
class Demo:
    """One app of the demo folder."""

    name: str
    summary: str
    """One line for the list of demos."""
    app: str
    """As uvicorn takes it: `cpu:app`."""
    variants: tuple[DemoVariant, ...]
    clients: int
    """That ask at the same time, each again as soon as it was answered."""
    compare_clients: int = 0
    """The same in `threadscope compare`, where a round is short; 0: as many."""
    bursts: tuple[int, ...] = ()
    """Instead of clients that go on: so many requests at once, then the next size."""
    beside: tuple[DemoBeside, ...] = ()
    workers: int = 1
    """Processes that serve; 0: one a core."""
    work: str = "additions"
    """What `--work` counts; "": a request does no work."""
    access_log: bool = False
    """Whether uvicorn prints a line a request: at thousands a second it is what costs most."""


def _variant(key: str, kind: str, path: str) -> DemoVariant:
    return DemoVariant(Variant(key, f"{kind} {path}"), path, path)


def _both(path: str, ending: str = "") -> tuple[DemoVariant, ...]:
    return (
        _variant("async", "async def", f"{path}/async{ending}"),
        _variant("def", "def", f"{path}/def{ending}"),
    )


_ALL = (
    Demo(
        name="cpu",
        summary="a busy loop of about 300 ms, in async def and in def",
        app="cpu:app",
        variants=_both("/cpu", "/{client}"),
        clients=4,
        access_log=True,
    ),
    Demo(
        name="hello",
        summary="a string: what handing a request to a thread costs",
        app="hello:app",
        variants=_both("/hello"),
        clients=100,
        work="",
    ),
    Demo(
        name="loop",
        summary="1,000,000 additions, asked by a hundred clients",
        app="loop:app",
        variants=_both("/loop"),
        clients=100,
        compare_clients=20,
    ),
    Demo(
        name="workers",
        summary="the same on several processes, one a core (--workers): parallel",
        app="workers:app",
        variants=_both("/workers"),
        clients=100,
        compare_clients=20,
        workers=0,
    ),
    Demo(
        name="io",
        summary="a wait of 2 s, for bursts of 20, 40, 80 and 120 requests: 40 tokens",
        app="io_bound:app",
        variants=_both("/io"),
        clients=40,
        bursts=(20, 40, 80, 120),
        work="ms of waiting",
    ),
    Demo(
        name="blocking",
        summary="time.sleep in async def: one at a time, and the CPU is idle",
        app="blocking:app",
        variants=(
            _variant("await", "async def, asyncio.sleep", "/blocking/await"),
            _variant("def", "def, time.sleep", "/blocking/def"),
            _variant("mistake", "async def, time.sleep", "/blocking/mistake"),
        ),
        clients=10,
        work="ms of waiting",
    ),
    Demo(
        name="fairness",
        summary="a health check beside a heavy endpoint, in async def and in def",
        app="fairness:app",
        variants=_both("/fairness"),
        clients=4,
        beside=(DemoBeside("/health", 10),),
    ),
    Demo(
        name="pool",
        summary="slow requests use up the threadpool, a quick one waits; then a pool of their own",
        app="pool:app",
        variants=(
            _variant("shared", "def, the tokens of all", "/pool/shared"),
            _variant("own", "async def, tokens of its own", "/pool/own"),
        ),
        clients=60,
        beside=(DemoBeside("/pool/quick", 10),),
        work="ms of waiting",
    ),
    Demo(
        name="native",
        summary="hashing megabytes lets go of the GIL: def uses every core",
        app="native:app",
        variants=_both("/native"),
        clients=4,
        work="megabytes",
    ),
)

DEMOS: dict[str, Demo] = {demo.name: demo for demo in _ALL}
"""By name, in the order in which they are best looked at."""
