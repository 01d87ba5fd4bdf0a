{% macro get_incremental_replace_affected_sql(arg_dict) -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    {%- do model.update({'is_replaced_in_part': true}) -%}

    {# After a lost connection dbt-redshift repeats the statement on a new one, outside of the
       transaction. The temporary table is gone there: to count it makes the repeated delete fail. #}
    delete from {{ arg_dict['target_relation'] }}
    where {{ is_affected(arg_dict['unique_key'], model.config.meta.affected_by) }}
        and (select count(*) from {{ arg_dict['temp_relation'] }}) >= 0;

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}
