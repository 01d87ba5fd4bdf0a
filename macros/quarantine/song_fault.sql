{% macro song_fault() -%}
    case
        when {{ song_id_key('song_id') }} !~ '^SO[0-9A-Z]{16}$'
            then 'song_id: not SO and 16 letters or digits'
        when coalesce({{ artist_id_key('artist_id') }}, '') !~ '^AR[0-9A-Z]{16}$'
            then 'artist_id: not AR and 16 letters or digits'
        when {{ clean_text('title') }} is null then 'title: missing'
        when {{ clean_text('artist_name') }} is null then 'artist_name: missing'
        when duration is null or duration < 0 or duration > 86400
            then 'duration: not from 0 to 86,400 seconds'
        when year != 0 and (year < 1850 or year > 2100) then 'year: not from 1850 to 2100'
        when artist_latitude < -90 or artist_latitude > 90 then 'artist_latitude: not from -90 to 90'
        when artist_longitude < -180 or artist_longitude > 180
            then 'artist_longitude: not from -180 to 180'
    end
{%- endmacro %}
