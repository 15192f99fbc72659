"""What was seen and what it amounts to: pure, no I/O and no clock."""
