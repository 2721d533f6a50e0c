"""The third way in: the same pipeline on a Ray cluster, with its data in an object store."""
