"""How fast it is: floors, our own way and the usual way, timed in turn on equal outputs. See README.md."""
