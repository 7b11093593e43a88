"""Keras layers of our own, registered under the package name "dltk" when this is imported."""

from dltk.layers.neighbours import NearestNeighbours

__all__ = ["NearestNeighbours"]
