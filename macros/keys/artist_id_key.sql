{% macro artist_id_key(artist_id) -%}
    {{ clean_text(artist_id) }}
{%- endmacro %}
