"""What the program draws itself: scenes and text."""
