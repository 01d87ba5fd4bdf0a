{% macro within_sample(column) -%}
    {%- set sample = invocation_args_dict.get('sample') -%}
    {%- if sample is none -%}
        true
    {%- else -%}
        ({{ column }} >= '{{ sample.start }}' and {{ column }} < '{{ sample.end }}')
    {%- endif -%}
{%- endmacro %}
