"""The parametric body in SMPL's file format: forward pass, user files, the shipped asset."""
