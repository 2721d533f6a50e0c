"""A renderer of bodies in NumPy: z-buffer, deferred shading, clothes, rooms, exact labels."""
