"""2D keypoints: simulated detectors for data that has no images."""
