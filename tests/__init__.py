"""Brushstream's tests, in the rooms of what they test."""
