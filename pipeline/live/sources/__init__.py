"""Where live frames come from. One adapter a file, and one row in ``opening``."""
