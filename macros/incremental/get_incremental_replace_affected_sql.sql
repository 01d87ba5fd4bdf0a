{% macro get_incremental_replace_affected_sql(arg_dict) -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}

    {# dbt-redshift reconnects and repeats a statement after some errors, outside the transaction
       that was lost. Counting the temporary table makes the repeated delete fail there. #}
    delete from {{ arg_dict['target_relation'] }}
    where {{ is_affected(arg_dict['unique_key']) }}
        and (select count(*) from {{ arg_dict['temp_relation'] }}) >= 0;

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}
