{% test expect_compound_columns_to_be_unique(
    model,
    column_list,
    quote_columns=false,
    ignore_row_if='all_values_are_missing',
    row_condition=none
) %}
    {%- set connectives = {'all_values_are_missing': ' or ', 'any_value_is_missing': ' and '} -%}
    {%- if ignore_row_if not in connectives -%}
        {%- do exceptions.raise_compiler_error('Unknown ignore_row_if: ' ~ ignore_row_if) -%}
    {%- endif -%}
    {%- set columns = [] -%}
    {%- set present = [] -%}
    {%- for name in column_list -%}
        {%- set column = adapter.quote(name) if quote_columns else name -%}
        {%- do columns.append(column) -%}
        {%- do present.append(column ~ ' is not null') -%}
    {%- endfor -%}
    {%- set counted -%}
        ({{ row_condition or '1 = 1' }}) and ({{ present | join(connectives[ignore_row_if]) }})
    {%- endset -%}
    {{ dbt_expectations.offending_rows(
        dbt_expectations.measured_groups(model, 'count(*)', columns, counted), 'measured = 1'
    ) }}
{% endtest %}
