"""Gatys' method: one picture optimised, with its recipes, states and job."""
