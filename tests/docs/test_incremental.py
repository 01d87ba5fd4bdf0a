"""The example in docs/incremental.md: incremental runs equal a full refresh."""

import re
import shutil
from pathlib import Path

from tests.conftest import ROOT
from tests.sparkify_data import event
from tests.warehouse import Warehouse

EXAMPLE = "int_events_by_page"
MODELS = ("--select", f"+{EXAMPLE}")
FIRST_DAY, NEXT_DAY = "log_data/2018/11/2018-11-05", "log_data/2018/11/2018-11-06"
DAY_MS = 24 * 60 * 60 * 1000


def test_the_example_replaces_the_affected_days_and_no_others(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    for path in ROOT.iterdir():
        if path.name not in {"dbt_sparkify", "target", "logs"}:
            (tmp_path / path.name).symlink_to(path)
    shutil.copytree(ROOT / "dbt_sparkify", tmp_path / "dbt_sparkify")
    [sql] = re.findall(r"```sql\n(.*?)```", (ROOT / "docs/incremental.md").read_text(), re.DOTALL)
    (tmp_path / f"dbt_sparkify/models/intermediate/{EXAMPLE}.sql").write_text(sql)

    def built(*arguments: str) -> list[tuple[str, str, int]]:
        warehouse.dbt_here("run", *MODELS, *arguments, project=tmp_path)
        rows = warehouse.rows(
            f"select event_date, page, events from intermediate.{EXAMPLE} order by 1, 2"
        )
        return [(str(day), page, events) for day, page, events in rows]

    home = event(1, page="Home", song=None, artist=None, length=None)
    late = [{**each, "ts": each["ts"] + DAY_MS} for each in (event(2), event(3))]
    warehouse.put_events(f"{FIRST_DAY}-events.json", [event(0), home])
    warehouse.put_events(f"{NEXT_DAY}-events.json", late)
    warehouse.put("song_data/A/A/1.json", b'{"song_id": ""}')
    warehouse.load("log_data/")
    assert built() == [
        ("2018-11-05", "Home", 1),
        ("2018-11-05", "NextSong", 1),
        ("2018-11-06", "NextSong", 2),
    ]

    # A row that no load affects stays as it is, even if it is wrong; Home is gone from its day.
    warehouse.run(f"update intermediate.{EXAMPLE} set events = 9 where event_date = '2018-11-06'")
    warehouse.put_events(f"{FIRST_DAY}-events.json", [event(0), event(4)])
    warehouse.load(FIRST_DAY)
    assert built() == [("2018-11-05", "NextSong", 2), ("2018-11-06", "NextSong", 9)]
    assert built("--full-refresh") == [
        ("2018-11-05", "NextSong", 2),
        ("2018-11-06", "NextSong", 2),
    ]
