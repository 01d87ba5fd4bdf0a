{% macro repair_encoding(column) -%}
    {#-
        The app encodes as UTF-8 what is UTF-8 already, twice over, as if it were Latin-1. So each
        character became its bytes, and each byte two characters: the lead of a pair names the block of
        64, its second the place in it (U+0080 to U+00BF). Leads hold control characters, which no
        good text has. Symbols wait in private use characters while the letters are put back.
    -#}
    {%- set symbols = '¡ª«°²´·º»½¿‘’“”–—…' -%}
    {%- set letter_lead = '\u00c3\u0083\u00c2' -%}
    {%- set symbol_lead = '\u00c3\u0082\u00c2' -%}
    {%- set dash_lead = '\u00c3\u00a2\u00c2\u0080\u00c2' -%}
    {%- set text = namespace(sql=column, garbled='', repaired='') -%}
    {%- for symbol in symbols -%}
        {%- set waiting = '%c' % (57344 + loop.index) -%}
        {%- set once = symbol.encode('utf-8').decode('latin-1') -%}
        {%- set seen = once.encode('utf-8').decode('latin-1') -%}
        {%- set text.sql = "replace(" ~ text.sql ~ ", '" ~ seen ~ "', '" ~ waiting ~ "')" -%}
        {%- set text.garbled = text.garbled ~ waiting -%}
        {%- set text.repaired = text.repaired ~ symbol -%}
    {%- endfor -%}
    {%- for place in range(64) -%}
        {%- set text.garbled = text.garbled ~ '%c' % (128 + place) -%}
        {%- set text.repaired = text.repaired ~ '%c' % (192 + place) -%}
    {%- endfor -%}
    {%- set repaired -%}
        translate(
            replace({{ text.sql }}, '{{ letter_lead }}', ''),
            '{{ text.garbled }}',
            '{{ text.repaired }}'
        )
    {%- endset -%}
    {#- Each two characters that are not ASCII give one byte; else some were good, or unknown. -#}
    case
        when
            (
                {{ column }} like '%{{ letter_lead }}%'
                or {{ column }} like '%{{ symbol_lead }}%'
                or {{ column }} like '%{{ dash_lead }}%'
            )
            and 2 * octet_length({{ repaired }}) = 3 * len({{ column }}) - octet_length({{ column }})
            then {{ repaired }}
        else {{ column }}
    end
{%- endmacro %}
