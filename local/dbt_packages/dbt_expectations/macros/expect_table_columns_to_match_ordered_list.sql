{% test expect_table_columns_to_match_ordered_list(model, column_list, transform='upper') %}
    {%- set names = dbt_expectations.columns_of(model) | map(attribute='name') -%}
    {%- set actual = names | map(transform) | list -%}
    {%- set expected = column_list | map(transform) | list -%}
    {%- set differences = [] -%}
    {%- for place in range([actual | length, expected | length] | max) -%}
        {%- if actual[place] != expected[place] -%}
            {%- set found = actual[place] | default('missing') -%}
            {%- set wanted = expected[place] | default('missing') -%}
            {%- do differences.append(
                'column ' ~ (place + 1) ~ ': ' ~ found ~ ' instead of ' ~ wanted
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ dbt_expectations.findings(differences) }}
{% endtest %}
