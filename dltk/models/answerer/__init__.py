"""Networks that answer questions about pictures.

Antol et al. 2015, "VQA", https://arxiv.org/abs/1505.00468; Yang et al. 2016, "Stacked Attention
Networks", https://arxiv.org/abs/1511.02274; Zhang et al. 2018, "Learning to Count",
https://arxiv.org/abs/1802.05766.
"""
