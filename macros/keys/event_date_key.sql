{% macro event_date_key(ts) -%}
    {#- A row without a plausible time gets a day of its own: it is replaced with that day. -#}
    coalesce(trunc({{ epoch_ms_to_timestamp(ts) }}), date '1970-01-01')
{%- endmacro %}
