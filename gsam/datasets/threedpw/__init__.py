"""3DPW: sequences, their images, and the labels that bodies of an image are given."""
