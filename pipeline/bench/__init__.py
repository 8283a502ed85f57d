"""How fast it is here: service time, live age, soak; and what this machine has."""
