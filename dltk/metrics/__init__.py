"""How good predictions are, in plain NumPy."""
