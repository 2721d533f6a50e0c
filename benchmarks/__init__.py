"""Measures speed and memory, as ratios to the official way and to the machine's own peak."""
