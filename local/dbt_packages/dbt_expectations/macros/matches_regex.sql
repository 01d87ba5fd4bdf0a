{% macro matches_regex(value, regex, flags) %}
    {#- c, the default of REGEXP_INSTR, tells upper from lower case. -#}
    regexp_instr({{ value }}, '{{ regex }}', 1, 1, 0, '{{ flags or "c" }}') > 0
{%- endmacro %}
