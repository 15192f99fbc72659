"""The reading end of ring files, and the folders that they live in."""
