-- Sessions by the level of their first play and by length, in steps of ten minutes.
select
    first_level,
    cast(least(duration_seconds / 600 * 10, 240) as integer) as minutes_from,
    count(*) as sessions,
    sum(plays) as plays
from reporting.sessions
group by first_level, cast(least(duration_seconds / 600 * 10, 240) as integer)
order by first_level, minutes_from
