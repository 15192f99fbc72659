"""`python serve.py PORT`: a program that runs its server itself."""

from __future__ import annotations

import sys

import uvicorn

if __name__ == "__main__":
    uvicorn.run("counted:app", port=int(sys.argv[1]), log_level="warning")
