"""Training: from a painting to a checkpoint. torch stands here and in ``export``, nowhere else."""
