"""Training: one loop for one process or many, resumable to the same bits."""
