{% macro offending_rows(relation, rule, row_condition=none) %}
    select *
    from {{ relation }}
    where
        ({{ row_condition or '1 = 1' }})
        and not ({{ rule }})
{% endmacro %}
