{% test expect_table_row_count_to_be_between(
    model, min_value=none, max_value=none, group_by=none, row_condition=none, strictly=false
) %}
    {{ dbt_expectations.offending_rows(
        dbt_expectations.measured_groups(model, 'count(*)', group_by, row_condition),
        dbt_expectations.is_between('measured', min_value, max_value, strictly)
    ) }}
{% endtest %}
