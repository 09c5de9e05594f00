"""Every measure, declared once."""
