"""The command line. When loaded, nothing here imports more than Click and the standard library."""
