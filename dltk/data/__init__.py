"""Training data: readers, splits, checks, augmentation, pipelines, and made pictures."""
