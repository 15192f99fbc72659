"""What an app can find out of the probe: the same as without it."""

from __future__ import annotations

import asyncio
import inspect

import pytest

pytestmark = pytest.mark.integration


async def sends(server):
    """In ways that are allowed, and in ways that are not."""
    told = []

    async def app(scope, receive, send):
        await send(message={"type": "http.response.start", "status": 200, "headers": []})
        for arguments, names in [
            ((), {}),
            ((1, 2), {}),
            ((), {"other": 1}),
            ((1,), {"message": 2}),
        ]:
            try:
                await send(*arguments, **names)
            except TypeError as error:
                told.append(type(error).__name__)
        await send(message={"type": "http.response.body", "body": b"x"})

    answer = await server.get(app)
    return answer.status, answer.body, answer.error, told


async def asks_what_they_are(server):
    import anyio.to_thread
    import fastapi.routing

    hooked = anyio.to_thread.run_sync, fastapi.routing.run_endpoint_function
    return [
        (one.__name__, one.__module__, asyncio.iscoroutinefunction(one), bool(one.__doc__),
         str(inspect.signature(one)))
        for one in hooked
    ]  # fmt: skip


@pytest.mark.parametrize("scenario", [sends, asks_what_they_are])
def test_it_finds_nothing(observe, scenario):
    found = observe(scenario, probe=False).result
    assert found
    assert observe(scenario).result == found
