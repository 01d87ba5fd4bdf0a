{% macro measured_groups(relation, measure, group_by=none, row_condition=none) %}
    (
        select
            {% for column in group_by or [] %}{{ column }}, {% endfor %}
            {{ measure }} as measured
        from {{ relation }}
        where {{ row_condition or '1 = 1' }}
        {% if group_by %}group by {{ group_by | join(', ') }}{% endif %}
    ) as measured_groups
{% endmacro %}
