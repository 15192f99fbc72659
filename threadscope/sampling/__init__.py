"""Threads as the kernel sees them."""
