"""The laptop's AWS: stand-ins for S3 and Redshift and a generator of Sparkify's files.

Nothing in `dags/` or `include/` imports from here; production never depends on a stand-in.
"""
