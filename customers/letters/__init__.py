"""Letters that come in by e-mail: fetched from mailboxes, read, and taken once."""
