"""Pages of loyalty for colleagues."""
