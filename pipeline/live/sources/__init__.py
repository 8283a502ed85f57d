"""Where live frames come from. One adapter a file, reached by name through the registry."""
