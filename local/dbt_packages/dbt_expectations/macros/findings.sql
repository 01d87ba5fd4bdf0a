{% macro findings(messages) %}
    {% for message in messages %}
        select cast('{{ message }}' as {{ dbt.type_string() }}) as finding
        union all
    {% endfor %}
    select cast('' as {{ dbt.type_string() }}) as finding
    where 1 = 0
{% endmacro %}
