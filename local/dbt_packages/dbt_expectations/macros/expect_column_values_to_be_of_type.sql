{% test expect_column_values_to_be_of_type(model, column_name, column_type) %}
    {%- set wrong = [column_name ~ ' does not exist'] -%}
    {%- set columns = dbt_expectations.columns_of(model) -%}
    {%- for column in columns if column.name | lower == column_name | lower -%}
        {%- do wrong.clear() -%}
        {%- if column.dtype | lower != column_type | lower -%}
            {%- do wrong.append(column_name ~ ' is ' ~ column.dtype) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ dbt_expectations.findings(wrong) }}
{% endtest %}
