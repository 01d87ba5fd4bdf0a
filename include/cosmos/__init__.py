"""dbt inside Airflow: Cosmos's task groups, the docs site, what the scheduler preloads."""
