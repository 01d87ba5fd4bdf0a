select cast('hall' as varchar(8)) as name
union all
select 'attic'
