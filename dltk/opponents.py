"""What a generator and its discriminator take, and what they learn from, by name."""

NOISE, CLASSES = "noise", "classes"
REAL, SEEDS = "real", "seeds"  # of a batch to learn from; its NOISE and CLASSES are for each turn
FIRST, SECOND = "first", "second"  # real pictures of two domains
PLACES, OLD = "places", "old"  # where made ones are kept, and whether what was there is judged
