"""Where servers come from, and how they end."""
