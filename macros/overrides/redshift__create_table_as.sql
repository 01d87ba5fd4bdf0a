{% macro redshift__create_table_as(temporary, relation, sql) -%}
    {%- if not (temporary and config.get('contract').enforced) -%}
        {{ dbt.redshift__create_table_as(temporary, relation, sql) }}
    {%- else -%}
        {%- set bare = relation.include(database=false, schema=false) -%}
        {{ get_assert_columns_equivalent(sql) }}
        create temporary table {{ bare }} (
            {{ adapter.render_raw_columns_constraints(raw_columns=model['columns']) | join(', ') }}
        )
        {{ dist(config.get('dist')) }}
        {{ sort(config.get('sort_type'), config.get('sort')) }};

        insert into {{ bare }} ({{ get_select_subquery(sql) }})
    {%- endif -%}
{%- endmacro %}
