"""Keras layers of our own, registered under the package name "dltk"."""
