{% macro within_gate(column, by, in_epoch_ms=false) -%}
    {%- if is_whole_run() or gate_window().after < 0 -%}
        true
    {%- elif by[0] == 'all_time' -%}
        false
    {%- elif by[0] == 'load_id' -%}
        ({{ column }} > {{ gate_window().after }} and {{ column }} <= {{ gate_window().through }})
    {%- elif by[0] in ('user_id', 'session_id') -%}
        {{ within_keys(column, gate_keys(by[0])) }}
    {%- elif by[0] != 'event_date' -%}
        {#- As the feed spells it: raw song ids may have blanks around them. -#}
        {%- set as_text = "cast(" ~ column ~ " as varchar)" -%}
        {%- set as_key = song_id_key(column) if by[0] == 'song_id' else as_text -%}
        {{ as_key ~ " in (" ~ gate_keys(by[0]) ~ ")" if has_keys(gate_keys(by[0])) else "false" }}
    {%- else -%}
        {%- set days = gate_days(by) -%}
        {%- if days is none -%}
            true
        {%- else -%}
            ({{ within_days(column, days, in_epoch_ms) }}
            {%- if in_epoch_ms and '1970-01-01' in days %} or not {{ is_plausible_epoch_ms(column) }}
            {%- endif %})
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
