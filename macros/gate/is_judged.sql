{% macro is_judged(relation, column=none, widen=none) -%}
    {%- set key = none if is_whole_run() else key_of(relation) -%}
    {%- if key is none -%}
        true
    {%- else -%}
        {{ within_gate(
            column or key.column,
            key.by + ([widen] if widen else []),
            key.get('in_epoch_ms', false)
        ) }}
    {%- endif -%}
{%- endmacro %}
