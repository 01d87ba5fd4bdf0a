"""How Airflow reaches things: settings, the load of S3 into Redshift, Cosmos, the run lock."""
