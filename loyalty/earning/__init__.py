"""How points are earned: what rules say, what a basket earns by them, and what orders earned."""
