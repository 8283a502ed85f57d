"""Video files: what a job is asked for, and how it is done whole, in order, resumable."""
