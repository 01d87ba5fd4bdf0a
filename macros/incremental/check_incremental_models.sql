{% macro check_incremental_models() -%}
    {% if not changes_warehouse() %}
        {{ return('') }}
    {% endif %}
    {% set faults = [] %}
    {% for unique_id in selected_resources if unique_id in graph.nodes %}
        {% set node = graph.nodes[unique_id] %}
        {% set config = node.config %}
        {% set missing = [] %}
        {% if config.materialized == 'incremental'
            and config.get('incremental_strategy') == 'replace_affected' %}
            {% if not config.unique_key %}
                {% do missing.append("unique_key in its config") %}
            {% endif %}
            {% if not config.meta.get('affected_by') %}
                {% do missing.append("is_affected(column, by=[...]) in its where clause") %}
            {% endif %}
        {% endif %}
        {% if missing %}
            {% do faults.append(node.original_file_path ~ " needs " ~ missing | join(" and ")) %}
        {% endif %}
    {% endfor %}
    {% if faults %}
        {{ exceptions.raise_compiler_error(
            "The incremental strategy replace_affected does not know which rows to replace: "
            ~ faults | join("; ") ~ ". See docs/incremental.md, or materialize as table or view."
        ) }}
    {% endif %}
{%- endmacro %}
