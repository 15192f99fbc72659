"""Text and JSON, from snapshots."""
