"""Where live frames go. One adapter a file, and one row in ``opening``."""
