"""Readers of motion data: each turns raw files into takes of the 17-joint Human3.6M skeleton."""
