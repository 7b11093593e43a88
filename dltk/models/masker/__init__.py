"""Networks that tell the object in the middle of a patch: its mask, and whether there is one.

Pinheiro, Collobert & Dollár 2015, "Learning to Segment Object Candidates" (DeepMask),
https://arxiv.org/abs/1506.06204.
"""
