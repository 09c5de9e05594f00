"""Pages of surveys: for those who write them, and for those who answer."""
