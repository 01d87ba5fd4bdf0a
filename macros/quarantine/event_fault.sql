{% macro event_fault() -%}
    case
        when ts is null or not {{ is_plausible_epoch_ms('ts') }}
            then 'ts: no time in milliseconds from 2000 to 2099'
        when {{ clean_text('userid') }} is not null and {{ user_id_key('userid') }} is null
            then 'userId: no number of 1 to 18 digits'
        when not {{ is_plausible_epoch_ms('registration') }}
            then 'registration: no time in milliseconds from 2000 to 2099'
        when coalesce({{ clean_text('level') }}, '') not in ('free', 'paid')
            then 'level: neither free nor paid'
        when {{ clean_text('page') }} is null then 'page: missing'
        when sessionid is null then 'sessionId: missing'
        when iteminsession is null then 'itemInSession: missing'
        when length < 0 or length > 86400 then 'length: not from 0 to 86,400 seconds'
        when
            {{ clean_text('page') }} = 'NextSong'
            and ({{ clean_text('song') }} is null or {{ clean_text('artist') }} is null)
            then 'song, artist: missing from a play'
    end
{%- endmacro %}
