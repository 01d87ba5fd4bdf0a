"""One run of the pipeline: when it runs, the lock that keeps runs apart, its summary."""
