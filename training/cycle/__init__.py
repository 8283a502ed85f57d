"""Unpaired translation between two folders of pictures (Zhu et al. 2017)."""
