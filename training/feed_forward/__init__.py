"""Training of feed-forward networks: recipe, photographs, loop, balance, stability in time."""
