"""What was seen, kept: session files and screencasts, and what can be made of them."""
