"""Who the customers are, who looks after them, and what happened."""
