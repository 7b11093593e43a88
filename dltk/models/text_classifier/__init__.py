"""Networks that tell classes of texts apart: convolutional, recurrent, and one that counts words.

Kim 2014, "Convolutional Neural Networks for Sentence Classification",
https://arxiv.org/abs/1408.5882, in its four variants. Done otherwise than there:

- windows that hold nothing but padding do not count, so that a text gives the same beside longer
  ones;
- both channels of "both" have weights of their own in each filter, as colours of a picture have;
- the last layer begins with zeros, so that all classes are equally likely at first.
"""
