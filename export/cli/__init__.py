"""The commands that export, import and evaluate."""
