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
        told.append(send.__name__)
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


async def what_is_hooked():
    """What calls of it return or raise, names that nobody interned among them."""
    import anyio.to_thread
    import fastapi.routing
    from fastapi.dependencies.models import Dependant

    async def one():
        return "async"

    def other():
        return "def"

    run, hop, told = fastapi.routing.run_endpoint_function, anyio.to_thread.run_sync, []
    name = "-dependant"[1:]
    for endpoint, is_coroutine in [(one, True), (other, False)]:
        given = {name: Dependant(call=endpoint, path="/"), "values": {}}
        told.append(await run(is_coroutine=is_coroutine, **given))
    told += [await hop(other), await hop(len, "abc"), await hop(other, abandon_on_cancel=True)]
    for wrong in [lambda: run(1), lambda: run(values={}), hop, lambda: hop(len, nothing=1)]:
        try:
            await wrong()
        except TypeError as error:
            told.append(type(error).__name__)
    return told


async def calls_what_is_hooked(server):
    """Outside of a request, and in one."""
    told = []

    async def app(scope, receive, send):
        told.append(await what_is_hooked())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})

    told.append(await what_is_hooked())
    answer = await server.get(app)
    return told, answer.status, answer.error


@pytest.mark.parametrize("scenario", [sends, asks_what_they_are, calls_what_is_hooked])
def test_it_finds_nothing(observe, scenario):
    found = observe(scenario, probe=False).result
    assert found
    assert observe(scenario).result == found
