{# A view: each model reads only the window of loads that it has not seen.
   access: the reports, which are another group's, read it through is_affected. #}
{{ config(materialized='view', access='protected') }}

with

songs as (

    select * from {{ ref('stg_sparkify__songs') }}

),

{# When a new copy of a song wins under another artist, the feed of its load misses the former one.
   The cast keeps the column's type, and both halves read the feed themselves, not one CTE, which
   would be materialized: so a filter on the view reaches the table. #}
artists_of_copies as (

    select
        changes.load_id,
        cast('artist_id' as varchar(64)) as key_name,
        songs.artist_id as key_value
    from {{ ref('stg_sparkify__load_changes') }} as changes
    inner join songs on changes.key_value = songs.song_id
    where changes.key_name = 'song_id'

),

final as (

    select
        load_id,
        key_name,
        key_value
    from {{ ref('stg_sparkify__load_changes') }}

    union distinct

    select
        load_id,
        key_name,
        key_value
    from artists_of_copies

)

select * from final
