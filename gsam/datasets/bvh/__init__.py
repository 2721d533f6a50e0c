"""BVH motion capture: parsed, put on a rig, split and filmed."""
