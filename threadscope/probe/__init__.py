"""The code inside the server: standard library only, importable from a bare folder."""
