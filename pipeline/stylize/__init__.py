"""Frame in, stylized frame out: padding, blending, schedules, cuts, and calm between frames."""
