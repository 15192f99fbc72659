"""threadscope shows live what the threads of a Python ASGI server do with its requests."""

__version__ = "0.1.0"
