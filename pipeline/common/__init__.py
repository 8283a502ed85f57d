"""What every room and package may use: errors, files, threads, the machine, contact sheets. No torch."""
