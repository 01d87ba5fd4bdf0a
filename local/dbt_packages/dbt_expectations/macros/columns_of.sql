{% macro columns_of(relation) %}
    {% do return(adapter.get_columns_in_relation(relation) if execute else []) %}
{% endmacro %}
