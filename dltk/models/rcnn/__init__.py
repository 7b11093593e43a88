"""Detectors that look at regions: R-CNN, Fast R-CNN and Faster R-CNN, one design.

Two choices make the three: where regions come from (a proposal network, or from outside), and what
is known of each (features cut out of shared maps, or a crop of the picture sent through it all).
"""
