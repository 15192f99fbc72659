"""The load: what to ask of a server, and the process that asks it."""
