{% test expect_column_values_to_be_in_set(
    model, column_name, value_set, quote_values=true, row_condition=none
) %}
    {{ dbt_expectations.offending_rows(
        model, dbt_expectations.is_in_set(column_name, value_set, quote_values), row_condition
    ) }}
{% endtest %}
