{% test expect_column_values_to_not_match_regex(
    model, column_name, regex, row_condition=none, flags=''
) %}
    {%- set matches = dbt_expectations.matches_regex(column_name, regex, flags) -%}
    {{ dbt_expectations.offending_rows(model, 'not (' ~ matches ~ ')', row_condition) }}
{% endtest %}
