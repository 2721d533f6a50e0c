"""2D keypoints that other tools found, read into one form: a person's joints, frame by frame.

`read_recording` opens what AlphaPose, OpenPose, Detectron2 and MMPose write, a CSV file of named
columns, and our own tables. Whatever a file leaves open (whose joints, in which order, of how large
a picture) is asked for, never guessed.
"""

from gsam.detections.recording import Options, Recording, read_recording

__all__ = ["Options", "Recording", "read_recording"]
