"""What the numbers mean: one rule a lint, with its threshold, its sentence and its explanation."""
