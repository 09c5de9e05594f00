"""The API of loyalty."""
