{% macro refuse_to_build_what_is_published() -%}
    {% if changes_warehouse() and target.name.startswith('published') %}
        {{ exceptions.raise_compiler_error(
            "The target " ~ target.name ~ " is for reading: dbt show, compile and docs. Nothing was "
            ~ "built. Build and test with " ~ target.name | replace('published', 'prod')
            ~ ", then publish (make build does both)."
        ) }}
    {% endif %}
{%- endmacro %}
