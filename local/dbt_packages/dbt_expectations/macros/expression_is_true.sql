{% test expression_is_true(model, expression, row_condition=none) %}
    {{ dbt_expectations.offending_rows(model, expression, row_condition) }}
{% endtest %}
