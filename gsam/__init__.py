"""A reference laboratory for 3D human pose: skeletons, cameras, datasets, lifters, training and evaluation."""
