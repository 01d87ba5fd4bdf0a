"""The way in which most public projects on these data load a star schema, for comparison.

Written from the task's description: empty the staging tables, copy all of the bucket, insert the
whole fact by a join of both, and distinct rows into each dimension. There is no history to keep, so
every hour does all of it again.
"""

from redshift_connector.cursor import Cursor

TABLES = """
create schema naive;
create table naive.staging_events (
    artist varchar(512), auth varchar(32), firstname varchar(256), gender varchar(16),
    iteminsession integer, lastname varchar(256), length double precision, level varchar(16),
    location varchar(512), method varchar(16), page varchar(64), registration double precision,
    sessionid bigint, song varchar(512), status integer, ts bigint, useragent varchar(1024),
    userid varchar(64)
);
create table naive.staging_songs (
    num_songs integer, artist_id varchar(64), artist_latitude double precision,
    artist_longitude double precision, artist_location varchar(512), artist_name varchar(512),
    song_id varchar(64), title varchar(512), duration double precision, year integer
);
create table naive.songplays (
    songplay_id bigint identity(0, 1), start_time timestamp sortkey, user_id varchar(64) distkey,
    level varchar(16), song_id varchar(64), artist_id varchar(64), session_id bigint,
    location varchar(512), user_agent varchar(1024)
);
create table naive.users (
    user_id varchar(64) sortkey, first_name varchar(256), last_name varchar(256),
    gender varchar(16), level varchar(16)
) diststyle all;
create table naive.songs (
    song_id varchar(64) sortkey, title varchar(512), artist_id varchar(64), year integer,
    duration double precision
) diststyle all;
create table naive.artists (
    artist_id varchar(64) sortkey, name varchar(512), location varchar(512),
    latitude double precision, longitude double precision
) diststyle all;
create table naive.time (
    start_time timestamp sortkey, hour integer, day integer, week integer, month integer,
    year integer, weekday integer
) diststyle all
"""
EMPTY = """
delete from naive.staging_events;
delete from naive.staging_songs
"""
COPY = """
copy naive.staging_events from 's3://{bucket}/log_data' iam_role '{role}' json 'auto ignorecase'
    maxerror 100;
copy naive.staging_songs from 's3://{bucket}/song_data' iam_role '{role}' json 'auto'
"""
TRANSFORM = """
delete from naive.songplays;
delete from naive.users;
delete from naive.songs;
delete from naive.artists;
delete from naive.time;
insert into naive.songplays
    (start_time, user_id, level, song_id, artist_id, session_id, location, user_agent)
select
    timestamp 'epoch' + e.ts / 1000 * interval '1 second', e.userid, e.level, s.song_id,
    s.artist_id, e.sessionid, e.location, e.useragent
from naive.staging_events e
left join naive.staging_songs s on e.song = s.title and e.artist = s.artist_name
where e.page = 'NextSong';
insert into naive.users
select distinct userid, firstname, lastname, gender, level
from naive.staging_events where page = 'NextSong' and userid is not null;
insert into naive.songs
select distinct song_id, title, artist_id, year, duration
from naive.staging_songs where song_id is not null;
insert into naive.artists
select distinct artist_id, artist_name, artist_location, artist_latitude, artist_longitude
from naive.staging_songs where artist_id is not null;
insert into naive.time
select distinct
    start_time, extract(hour from start_time), extract(day from start_time),
    extract(week from start_time), extract(month from start_time), extract(year from start_time),
    extract(dow from start_time)
from naive.songplays
"""


def execute(cursor: Cursor, script: str, **names: str) -> None:
    """Run the statements of a script one after the other."""
    for statement in script.format(**names).split(";"):
        cursor.execute(statement)
