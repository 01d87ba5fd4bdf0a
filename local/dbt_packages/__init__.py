"""dbt's packages on a machine that dbt's package hub cannot be reached from."""
