"""`make pictures`: the pictures of docs/pictures, taken in the browser after `make demo`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from local import processes, stack
from local.browser import BrowserError, open_browser
from local.demo import airflow_client

FOLDER = stack.ROOT / "docs" / "pictures"
WIDTH, HEIGHT = 1280, 800
TALL, WIDE = 1000, 2000  # for the grid and the dashboard, and for the graph
NO_MAP = ".react-flow__minimap { display: none }"  # it covers the last task
MILLISECONDS = 60_000
SETTLE = 3_000  # milliseconds; canvases and layouts are drawn after the page has loaded
LINEAGE = (
    "cosmos/sparkify/dbt_docs_index.html#!/model/model.sparkify.songplays?g_v=1&g_i=%2Bsongplays"
)


class NoRunError(Exception):
    """There is no run of which a picture could be taken."""


def main() -> int:
    """Take every picture and return the exit status."""
    FOLDER.mkdir(exist_ok=True)
    try:
        if not stack.ENVIRONMENT.exists():
            raise NoRunError("There is no local stack. Run `make demo` first.")
        address = stack.start_airflow()
        run = newest_good_run(address)
        with open_browser() as browser, served_dashboard() as dashboard:
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.set_default_timeout(MILLISECONDS)
            page.goto(f"{address}/dags/sparkify/runs/{run}")
            take_grid(page)
            take_graph(page)
            page.goto(f"{address}/{LINEAGE}")
            take(page, "lineage")
            page.set_viewport_size({"width": WIDTH, "height": TALL})
            page.goto(dashboard)
            page.get_by_text("How many come back?").first.wait_for()
            take(page, "dashboard")
    except (BrowserError, NoRunError, processes.StartError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def newest_good_run(address: str) -> str:
    """Return the id of the newest run that succeeded; raise NoRunError when there is none."""
    asked: dict[str, str | int] = {"state": "success", "order_by": "-start_date", "limit": 1}
    with airflow_client(address) as airflow:
        runs = airflow.get("dags/sparkify/dagRuns", params=asked).raise_for_status().json()
    if not runs["dag_runs"]:
        raise NoRunError("No run has succeeded yet. Run `make demo` first.")
    return str(runs["dag_runs"][0]["dag_run_id"])


@contextmanager
def served_dashboard() -> Iterator[str]:
    """Serve the dashboard of the local stack, and yield its address."""
    port = stack.free_port()
    processes.start(
        "dashboard",
        processes.script(
            *("marimo", "--yes", "run", "dashboard/listening.py", "--headless"),
            *("--host", "127.0.0.1", "--port", str(port)),
        ),
        stack.RUNNING,
        ready=r"URL: \S+",
        environment={**stack.read_environment(), "MARIMO_SKIP_UPDATE_CHECK": "1"},
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        processes.stop("dashboard", stack.RUNNING)


def take_grid(page: Page) -> None:
    """Take the run with the tasks of all groups."""
    page.set_viewport_size({"width": WIDTH, "height": TALL})
    page.get_by_label("Expand all task groups").click()
    take(page, "run_grid")


def take_graph(page: Page) -> None:
    """Take the run as a graph, a node a group."""
    page.get_by_label("Collapse all task groups").click()
    page.get_by_label("Show Graph").click()
    page.get_by_label("Collapse Details Panel").click()
    page.set_viewport_size({"width": WIDE, "height": HEIGHT // 2})
    page.add_style_tag(content=NO_MAP)
    page.get_by_label("Fit View").click()
    take(page, "run_graph")
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})


def take(page: Page, name: str) -> None:
    """Write a picture of what the page shows, once it is drawn."""
    page.wait_for_timeout(SETTLE)
    path = Path(FOLDER, f"{name}.png")
    page.screenshot(path=path)
    print(f"{path.relative_to(stack.ROOT)}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())
