"""Frames into files: encoders, containers, and what goes along with the pictures."""
