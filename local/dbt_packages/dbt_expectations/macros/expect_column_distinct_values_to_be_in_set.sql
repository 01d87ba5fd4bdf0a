{% test expect_column_distinct_values_to_be_in_set(
    model, column_name, value_set, quote_values=true, row_condition=none
) %}
    {{ dbt_expectations.offending_rows(
        dbt_expectations.measured_groups(model, 'count(*)', [column_name], row_condition),
        dbt_expectations.is_in_set(column_name, value_set, quote_values)
    ) }}
{% endtest %}
