"""Evaluation: how good a trained style is, in figures that training did not see."""
