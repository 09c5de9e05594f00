"""Template tags of loyalty."""
