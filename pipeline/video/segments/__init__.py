"""A long job in pieces: the journal, the pieces, and how they become one stream again."""
