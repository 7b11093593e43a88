"""Pure functions on arrays and tensors. Nothing here knows the rest of dltk."""
