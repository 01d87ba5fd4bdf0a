{% macro song_id_key(song_id) -%}
    {#- A row without an id gets the empty key: it is replaced with that key. -#}
    coalesce({{ clean_text(song_id) }}, '')
{%- endmacro %}
