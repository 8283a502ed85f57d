"""The live half: a camera is read, the newest frame is painted, and people see it."""
