select
    song_rank,
    song_title,
    artist_name,
    plays,
    listeners
from {{ ref('top_songs') }}
where period_type = 'all_time'
order by song_rank
