"""Networks that find a body model's pose and shape in a crop, and what trains and scores them."""
