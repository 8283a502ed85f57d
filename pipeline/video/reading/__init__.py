"""Frames out of files, with their exact times and colours."""
