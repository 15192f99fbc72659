"""Two servers in one process, each on a thread of its own: `python two_loops.py PORT PORT`."""

from __future__ import annotations

import sys
import threading

import bare
import counted
import uvicorn


def serve(app, port):
    uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning")).run()


if __name__ == "__main__":
    ports = [int(port) for port in sys.argv[1:]]
    threads = [
        threading.Thread(target=serve, args=pair)
        for pair in zip((counted.app, bare.app), ports, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
