"""The screen: draws snapshots, knows nothing of where they come from."""
