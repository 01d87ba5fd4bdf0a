"""dbt packages on a machine that cannot reach dbt's package hub."""
