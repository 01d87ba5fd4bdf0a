{% test expect_column_proportion_of_unique_values_to_be_between(
    model,
    column_name,
    min_value=none,
    max_value=none,
    group_by=none,
    row_condition=none,
    strictly=false
) %}
    {%- set proportion -%}
        1.0 * count(distinct {{ column_name }}) / nullif(count({{ column_name }}), 0)
    {%- endset -%}
    {{ dbt_expectations.offending_rows(
        dbt_expectations.measured_groups(model, proportion, group_by, row_condition),
        dbt_expectations.is_between('measured', min_value, max_value, strictly)
    ) }}
{% endtest %}
