"""Export: from a checkpoint to a style file, checked against torch before it is written."""
