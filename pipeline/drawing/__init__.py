"""What the program draws itself: scenes, text, contact sheets."""
