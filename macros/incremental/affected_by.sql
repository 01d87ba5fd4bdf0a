{% macro affected_by() -%}
    {{ return(model.config.meta.affected_by) }}
{%- endmacro %}
