"""Pictures in, stylized pictures out."""
