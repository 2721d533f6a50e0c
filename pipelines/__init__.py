"""The distributed programs: Ray Data graphs and Ray Train jobs over the gsam library."""
