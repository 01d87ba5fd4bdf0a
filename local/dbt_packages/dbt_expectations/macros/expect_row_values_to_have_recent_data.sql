{% test expect_row_values_to_have_recent_data(
    model, column_name, datepart, interval, row_condition=none
) %}
    {%- set now -%}
        convert_timezone('{{ var("dbt_date:time_zone") }}', getdate())
    {%- endset -%}
    {#- A time to come proves nothing about how recent the data is. -#}
    {%- set not_in_future -%}
        ({{ row_condition or '1 = 1' }}) and {{ column_name }} <= {{ now }}
    {%- endset -%}
    {{ dbt_expectations.offending_rows(
        dbt_expectations.measured_groups(
            model, 'max(' ~ column_name ~ ')', row_condition=not_in_future
        ),
        'measured is not null and measured >= ' ~ dbt.dateadd(datepart, -1 * interval, now)
    ) }}
{% endtest %}
