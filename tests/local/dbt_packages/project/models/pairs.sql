select
    1 as first_half,
    cast(null as integer) as second_half
union all
select 1, null
union all
select null, null
union all
select null, null
union all
select 2, 3
