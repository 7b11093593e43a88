"""Compile and fit, inside a run folder that can be killed at any moment and resumed."""
