{% macro changed_days(by_songs=false) -%}
    {% set songs = changed_keys('song_id') if by_songs %}
    {% set sql -%}
        select cast(key_value as date) as day
        from ({{ changed_keys('event_date') }}) as changes
        {%- if by_songs %}
            union
            select trunc(start_time) from {{ this }} where song_id in ({{ songs }})
            union
            select trunc(plays.start_time)
            from {{ this }} as plays
            inner join {{ ref('int_songs_deduplicated') }} as songs
                on lower(plays.song_title) = lower(songs.title)
                and lower(plays.artist_name) = lower(songs.artist_name)
            where songs.song_id in ({{ songs }})
        {%- endif %}
        order by day
    {%- endset %}
    {{ return(run_query(sql).columns[0].values() | list) }}
{%- endmacro %}
