"""Engines: a style file loaded and running. One adapter a file, reached by name through the registry."""
