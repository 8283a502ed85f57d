"""Where live frames go. One adapter a file, reached by name through the registry."""
