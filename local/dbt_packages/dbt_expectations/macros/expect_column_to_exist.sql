{% test expect_column_to_exist(model, column_name) %}
    {%- set names = dbt_expectations.columns_of(model) | map(attribute='name') | map('upper') -%}
    {%- set missing = [] if column_name | upper in names else [column_name ~ ' does not exist'] -%}
    {{ dbt_expectations.findings(missing) }}
{% endtest %}
