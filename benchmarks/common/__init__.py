"""What the benchmarks share; they are scripts, and not part of the package."""
