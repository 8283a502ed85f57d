"""Studies of Gatys' method: what one setting does, as a labelled contact sheet and a table."""
