"""`make doctor`: what keeps the pipeline from running here, each fault with its cure."""
