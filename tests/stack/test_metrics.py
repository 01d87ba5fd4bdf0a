"""The metrics of the semantic models, queried by MetricFlow's command line, equal plain SQL."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.sparkify_data import NOON, epoch_ms, event, song
from tests.warehouse import Warehouse

DAY_MS = 86_400_000
EVENTS = [
    event(0, level="free"),
    event(1, level="paid"),
    event(2, level="paid", userId="8", sessionId=80),
    event(3, level="paid", ts=epoch_ms(NOON) + DAY_MS),
]


@pytest.fixture
def built(warehouse: Warehouse) -> Warehouse:
    warehouse.put_events("log_data/2018/11/2018-11-05-events.json", EVENTS)
    warehouse.put("song_data/1.json", json.dumps(song()).encode())
    warehouse.load("log_data/")
    warehouse.dbt_here("run")
    return warehouse


def query(warehouse: Warehouse, path: Path, *arguments: str) -> list[dict[str, str]]:
    done = warehouse.command(
        str(Path(sys.executable).with_name("mf")), "query", *arguments, "--csv", str(path)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with path.open() as file:
        return list(csv.DictReader(file))


def test_metrics_by_day_equal_sql(built: Warehouse, tmp_path: Path) -> None:
    metrics = "plays,listeners,paid_play_share,sessions,conversions"
    answer = query(
        built, tmp_path / "m.csv", "--metrics", metrics, "--group-by", "metric_time__day"
    )
    asked = sorted(
        (
            row["metric_time__day"][:10],
            int(row["plays"]),
            int(row["listeners"]),
            float(row["paid_play_share"]),
            int(float(row["sessions"] or 0)),
            int(float(row["conversions"] or 0)),
        )
        for row in answer
    )
    sql = built.rows(
        """
        with days as (
            select
                trunc(start_time) as day,
                count(*) as plays,
                count(distinct user_id) as listeners,
                avg(case when level = 'paid' then 1.0 else 0.0 end) as paid_play_share
            from unpublished.songplays
            group by trunc(start_time)
        )
        select
            cast(day as varchar), plays, listeners, paid_play_share,
            (select count(*) from unpublished.sessions where trunc(started_at) = day),
            (
                select count(*) from unpublished.level_conversions
                where direction = 'free_to_paid' and trunc(converted_at) = day
            )
        from days
        order by day
        """
    )
    assert [row[:3] + row[4:] for row in asked] == [tuple(row[:3] + row[4:]) for row in sql]
    assert [row[3] for row in asked] == pytest.approx([float(row[3]) for row in sql])
    assert asked[0] == ("2018-11-05", 3, 2, pytest.approx(2 / 3), 2, 1)


def test_the_metrics_are_listed() -> None:
    """No warehouse is asked: MetricFlow reads what dbt parsed."""
    listed = subprocess.run(
        [str(Path(sys.executable).with_name("mf")), "list", "metrics"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "paid_play_share" in listed.stdout
