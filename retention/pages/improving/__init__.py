"""Pages of improvements: their list, one with what it moved and who is told, the watch, the huddle."""
