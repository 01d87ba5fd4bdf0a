{% macro failing_rows(result, at_most=5) -%}
    {% set node = result.node %}
    {% set sample = run_query('select * from ' ~ node.relation_name ~ ' limit ' ~ at_most) %}
    {% set lines = [
        node.name ~ ': ' ~ result.message ~ ', rows kept in ' ~ node.schema ~ '.' ~ node.alias,
        'Its query:',
        node.compiled_code | trim,
        'The first ' ~ (sample.rows | length) ~ ' rows that it found:',
        sample.column_names | join(' | '),
    ] %}
    {% set public = public_columns(node) %}
    {% for row in sample.rows %}
        {% set shown = [] %}
        {% for name in sample.column_names %}
            {% set value = row[name] %}
            {% set of = modules.re.sub('^(expected|actual)_', '', name) %}
            {% if value is string and of not in public %}
                {% do shown.append('(not shown)') %}
            {% else %}
                {% do shown.append((value | string)[:80]) %}
            {% endif %}
        {% endfor %}
        {% do lines.append(shown | join(' | ')) %}
    {% endfor %}
    {{ return(lines | join('\n')) }}
{%- endmacro %}
