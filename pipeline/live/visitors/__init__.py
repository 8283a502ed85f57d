"""Visitors who bring their cameras: whose frame is painted next, with what, and who waits."""
