"""A string from an `async def` endpoint and from a `def` endpoint: what the threadpool costs.

    uvicorn demo_apps.hello:app --no-access-log

There is nothing to wait for and nothing to compute, so that a request costs what the framework
costs. A `def` endpoint is handed to a worker thread and its answer handed back: look at the
requests a second, at the CPU and the context switches of a request, and at the pool's tokens.

- `/hello/async` runs on the event loop's thread, one request at a time: SEQUENTIAL.
- `/hello/def` runs on worker threads, some at once: CONCURRENT, and slower, because the hop costs
  more than the work. Mind the load's own CPU: a client that is the bottleneck hides the difference.
"""

from fastapi import FastAPI

app = FastAPI()


@app.get("/hello/async")
async def hello_async():
    return "Hello, world!"


@app.get("/hello/def")
def hello_def():
    return "Hello, world!"


# How `threadscope demo hello` asks it: CONTRIBUTING.md has the words. The app needs none of it.
DEMO = {
    "place": 2,
    "summary": "a string: what handing a request to a thread costs",
    "variants": {
        "async": "async def /hello/async",
        "def": "def /hello/def",
    },
    "clients": 100,
    "work": "",
}
