select
    1 as id,
    cast('hall' as varchar(8)) as room,
    cast('free' as varchar(8)) as level,
    1 as low,
    2 as high,
    cast('2018-11-01' as date) as read_on
union all
select 2, 'hall', 'paid', 2, 2, '2018-11-02'
union all
select 3, 'attic', 'free', 3, 5, '2018-11-04'
union all
select 4, 'attic', null, null, 7, '2018-11-05'
