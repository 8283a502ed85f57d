"""The commands that train: options in, progress lines out."""
