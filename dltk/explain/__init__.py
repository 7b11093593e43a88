"""What networks see in pictures: evidence for a class, feature maps, kernels, fields of view."""
