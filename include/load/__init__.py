"""S3 into Redshift: the load protocol, its audit, the operator, the tables that it fills."""
