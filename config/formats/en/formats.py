"""English: the day before the month, as on every list and timeline."""

DATE_FORMAT = "j M Y"
