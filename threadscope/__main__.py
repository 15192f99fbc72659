"""`python -m threadscope`."""

from threadscope.cli import main

main(prog_name="threadscope")
