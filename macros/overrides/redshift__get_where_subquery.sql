{% macro redshift__get_where_subquery(relation) -%}
    {# Tests of a table as a whole compare columns, or counts with those of another table; the last
       one has a window of its own. #}
    {% set test = (model.get('test_metadata') or {}).get('name', '') %}
    {% set reads_all = test.startswith('expect_table_') or test == 'few_rows_are_quarantined' %}
    {% set key = none if reads_all or is_whole_run() else key_of(relation) %}
    {% if key is none %}
        {{ return(dbt.default__get_where_subquery(relation)) }}
    {% endif %}
    {% set judged = is_judged(relation) %}
    {% if key.by != ['all_time'] %}
        {# A row without a key is in no feed of changes, so each run looks for such rows. #}
        {% set judged = "(" ~ judged ~ " or " ~ key.column ~ " is null)" %}
    {% endif %}
    {% set where = config.get('where') %}
    {% set condition = judged ~ (" and (" ~ where ~ ")" if where else "") %}
    {{ return("(select * from " ~ relation ~ " where " ~ condition ~ ") dbt_subquery") }}
{%- endmacro %}
