{% test expect_table_row_count_to_equal_other_table(
    model,
    compare_model,
    group_by=none,
    compare_group_by=none,
    factor=1,
    row_condition=none,
    compare_row_condition=none
) %}
    {%- set these = dbt_expectations.measured_groups(model, 'count(*)', group_by, row_condition) -%}
    {%- set those = dbt_expectations.measured_groups(
        compare_model,
        '-1 * ' ~ factor ~ ' * count(*)',
        compare_group_by or group_by,
        compare_row_condition or row_condition
    ) -%}
    {#- Added up, the counts here and the negated counts there leave what they differ by. -#}
    {%- set both -%}
        (select * from {{ these }} union all select * from {{ those }}) as both_tables
    {%- endset -%}
    {{ dbt_expectations.offending_rows(
        dbt_expectations.measured_groups(both, 'sum(measured)', group_by),
        'measured = 0'
    ) }}
{% endtest %}
