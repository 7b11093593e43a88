"""Pictures as variables: optimising pixels against a fixed network."""

LARGEST = 4096
"""Pixels of the longer side: what painting keeps within a workstation's memory."""
