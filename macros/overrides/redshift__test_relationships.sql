{% macro redshift__test_relationships(model, column_name, to, field) -%}
    {%- if is_whole_run() -%}
        {{ dbt.default__test_relationships(model, column_name, to, field) }}
    {%- else -%}
        with

        child as (

            select {{ column_name }} as from_field
            from {{ model }}
            where {{ column_name }} is not null

            union all

            select {{ column_name }} as from_field
            from {{ tested_relation() }}
            where {{ refers_to_removed_key(column_name, to, field) }}

        ),

        parent as (

            select {{ field }} as to_field
            from {{ to }}
            where {{ may_be_parent(column_name, to, field) }}

        )

        select child.from_field
        from child
        left join parent on child.from_field = parent.to_field
        where parent.to_field is null
    {%- endif -%}
{%- endmacro %}
