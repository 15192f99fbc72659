"""What requests are called: routers, mounts, plain Starlette, apps without routes."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from threadscope.probe import layout as L

pytestmark = pytest.mark.integration


async def names(server):
    app = FastAPI()
    inner, outer = APIRouter(), APIRouter()

    @inner.get("/items/{item}")
    async def item(item: int): ...

    outer.include_router(inner, prefix="/v1")
    app.include_router(outer, prefix="/api")
    app.mount("/sub", sub := FastAPI())

    @sub.post("/deep/{x}")
    async def deep(x: int): ...

    for method, path in [("GET", "/api/v1/items/9"), ("POST", "/sub/deep/4"), ("GET", "/none")]:
        await server.get(app, path, method=method)


def test_names_of_routes(observe):
    seen = observe(names)
    labels = [end.what.label for end in seen.of("END")]
    assert labels[0] == "GET /api/v1/items/{item}"
    assert labels[1].startswith("POST ")
    assert labels[1].endswith("/deep/{x}")
    assert labels[2] == "GET (no route)"
    assert seen.of("END")[2].status == 404


async def starlette_app(server):
    async def coroutine(request):
        await asyncio.sleep(0)
        return PlainTextResponse("a")

    def function(request):
        return PlainTextResponse("d")

    routes = [Route("/a/{x}", coroutine), Route("/d", function)]
    app = Starlette(routes=[*routes, Mount("/m", routes=[Route("/in/{y}", coroutine)])])
    return [(await server.get(app, path)).body for path in ("/a/1", "/d", "/m/in/2")]


def test_plain_starlette(observe):
    seen = observe(starlette_app)
    assert seen.result == [b"a", b"d", b"a"]
    ends = seen.of("END")
    assert [end.what.kind for end in ends] == ["async def", "def", "async def"]
    assert [end.what.route for end in ends][:2] == ["/a/{x}", "/d"]
    assert [(hop.request, hop.flags) for hop in seen.of("HOP_OUT")] == [(2, L.F_ENDPOINT)]
    assert [started.request for started in seen.of("ENDPOINT")] == [1, 3], "2 is told by its hop"


async def bare(server):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})

    for number in range(250):
        await server.get(app, f"/path/{number}")
    for number in range(3):
        await server.get(app, f"/path/{number}")


def test_an_app_without_routes_has_paths_but_not_endlessly_many(observe):
    seen = observe(bare)
    routes = [end.what.route for end in seen.of("END")]
    assert routes[:3] == routes[-3:] == ["/path/0", "/path/1", "/path/2"]
    assert len(set(routes)) == 201
    assert routes.count("(other paths)") == 50
