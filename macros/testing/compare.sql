{% macro compare(keys, columns) -%}
    {%- set same = [] -%}
    {%- for key in keys -%}
        {%- do same.append("expected." ~ key ~ " = actual." ~ key) -%}
    {%- endfor -%}
    select
    {%- for key in keys %}
        coalesce(expected.{{ key }}, actual.{{ key }}) as {{ key }},
    {%- endfor %}
    {%- for column in columns %}
        expected.{{ column }} as expected_{{ column }},
        actual.{{ column }} as actual_{{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
    from expected
    full outer join actual on {{ same | join(' and ') }}
    where expected.{{ keys[0] }} is null
        or actual.{{ keys[0] }} is null
    {%- for column in columns %}
        or expected.{{ column }} != actual.{{ column }}
        or (expected.{{ column }} is null) != (actual.{{ column }} is null)
    {%- endfor %}
{%- endmacro %}
