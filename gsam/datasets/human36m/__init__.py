"""Human3.6M: the community's archives, the official files, the videos and what they share."""
