{% test expect_table_column_count_to_equal(model, value) %}
    {%- set count = dbt_expectations.columns_of(model) | length -%}
    {{ dbt_expectations.findings([] if count == value else [count ~ ' columns']) }}
{% endtest %}
