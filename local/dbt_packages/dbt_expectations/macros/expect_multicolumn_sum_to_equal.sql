{% test expect_multicolumn_sum_to_equal(
    model, column_list, sum_total, group_by=none, row_condition=none
) %}
    {{ dbt_expectations.offending_rows(
        dbt_expectations.measured_groups(
            model, 'sum(' ~ (column_list | join(') + sum(')) ~ ')', group_by, row_condition
        ),
        'measured = ' ~ sum_total
    ) }}
{% endtest %}
