"""MPII Human Pose: the people of its images, from HRNet's JSON or the original .mat."""
