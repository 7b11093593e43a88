"""Networks that go on with a text.

Graves 2013, "Generating Sequences With Recurrent Neural Networks", Sec. 2-3,
https://arxiv.org/abs/1308.0850.
"""
