"""A reference laboratory for 3D human pose: data, cameras, lifters, training, evaluation."""
