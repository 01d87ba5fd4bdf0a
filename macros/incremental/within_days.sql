{% macro within_days(column, days, in_epoch_ms=false) -%}
    {#- Neighbouring days become one range: thousands of days stay a short predicate, and each range
        has literal bounds, which is what Redshift's zone maps can prune by. -#}
    {%- set epoch = modules.datetime.date(1970, 1, 1) -%}
    {%- set one_day = modules.datetime.timedelta(days=1) -%}
    {%- set ranges = [] -%}
    {%- for iso_day in days | map('string') -%}
        {%- set day = modules.datetime.date.fromisoformat(iso_day) -%}
        {%- if ranges and ranges[-1].until == day -%}
            {%- do ranges[-1].update({'until': day + one_day}) -%}
        {%- else -%}
            {%- do ranges.append({'since': day, 'until': day + one_day}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set predicates = [] -%}
    {%- for range in ranges -%}
        {%- if in_epoch_ms -%}
            {%- set since = (range.since - epoch).days * 86400000 -%}
            {%- set until = (range.until - epoch).days * 86400000 -%}
        {%- else -%}
            {%- set since = "'" ~ range.since ~ "'" -%}
            {%- set until = "'" ~ range.until ~ "'" -%}
        {%- endif -%}
        {%- do predicates.append(
            "(" ~ column ~ " >= " ~ since ~ " and " ~ column ~ " < " ~ until ~ ")"
        ) -%}
    {%- endfor -%}
    ({{ predicates | join(' or ') if predicates else 'false' }})
{%- endmacro %}
