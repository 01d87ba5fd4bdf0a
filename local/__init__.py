"""The local stack: S3, Redshift and Airflow on one machine, and a generator of Sparkify's files.

Nothing in `dags/` or `include/` imports from here: production does not depend on the laptop.
"""
