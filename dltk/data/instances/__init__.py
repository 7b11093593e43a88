"""Pictures with a mask of each object, and patches of them that maskers learn from."""

from dltk.data.instances.readers import InstanceExamples, read_instances

__all__ = ["InstanceExamples", "read_instances"]
