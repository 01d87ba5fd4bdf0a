{# dist and sort: few rows, replaced by song. #}
{{
    config(
        unique_key='song_id',
        dist='all',
        sort='song_id'
    )
}}

{%- set columns = documented_columns('stg_sparkify__songs', except=['_load_id']) %}

with

songs as (

    select * from {{ ref('stg_sparkify__songs') }}
    where quarantine_reason is not null
        and {{ is_affected('song_id', by=['song_id']) }}

),

numbered as (

    select
        *,
        row_number() over (
            partition by _partition, song_id
            order by {{ columns | join(' desc nulls last, ') }} desc nulls last
        ) as number_in_key
    from songs

),

final as (

    select
        md5(_partition || '|' || song_id || '|' || number_in_key) as quarantine_id,
        {{ columns | join(', ') }}
    from numbered

)

select * from final
