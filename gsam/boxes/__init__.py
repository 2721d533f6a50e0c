"""Where the people in pictures are: the truth, a file of boxes, or a YOLOv3 detector."""
