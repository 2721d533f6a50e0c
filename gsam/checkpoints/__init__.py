"""Published checkpoints into ours: read without running anything, held to every key."""
