"""Networks that say what is in a picture.

Vinyals et al. 2014, "Show and Tell", https://arxiv.org/abs/1411.4555; Xu et al. 2015, "Show,
Attend and Tell", https://arxiv.org/abs/1502.03044.
"""
