"""Fully convolutional networks, which tell the class of every pixel.

Long et al. 2014, https://arxiv.org/abs/1411.4038.
"""
