"""Text: what it is made of, and which words a network knows."""
