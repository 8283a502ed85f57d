"""What every room and package may use: errors, files, threads, the machine. No torch, no pictures."""
