"""What the warehouse needs on AWS, and how a stack of it becomes the pipeline's settings."""
