"""What joins training, export and engines: styles are painted, timed and judged."""
