"""Pictures where people would rather look: poses drawn beside the truth."""
