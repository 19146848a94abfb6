"""The page in a real browser: what it draws, and what a user does with it."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from tests.builders import experiment, trial
from tests.unit.report.browser import Browser
from tests.unit.report.made_up import EVIL, EXAMPLES, Search, large, objective, renamed, with_status

from paretonas import report
from paretonas.api.early_stopping import Verdict

SECTIONS = ["objectives", "choice", "progress", "parameters", "curves", "model", "timeline", "trials", "file"]


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    for name, make in {**EXAMPLES, "large": large}.items():
        made = make()
        report.write(folder / f"{name}.html", made.experiment, made.trials, made.curves, model=name == "two")
    return folder


@pytest.fixture
def two(browser: Browser, pages: Path) -> Browser:
    return browser.open(pages / "two.html")


def texts(browser: Browser, css: str) -> list[str]:
    found: list[str] = browser.run(f"[...document.querySelectorAll({json.dumps(css)})].map(e => e.textContent)")
    return found


def press(browser: Browser, words: str, within: str = "body") -> None:
    """Click the button with these words."""
    browser.run(
        f"[...document.querySelectorAll({json.dumps(within + ' button')})]"
        f".find(b => b.textContent.trim() === {json.dumps(words)}).click()"
    )
    browser.settle()


def chosen(browser: Browser) -> list[int]:
    found: list[int] = browser.run("[...state.chosen].sort((a, b) => a - b)")
    return found


def scroll_to(browser: Browser, css: str) -> None:
    browser.run(f"document.querySelector({json.dumps(css)}).scrollIntoView({{block: 'center'}})")
    browser.settle()


def mark_of(browser: Browser, position: int, figure: int = 0) -> tuple[float, float]:
    """Where a trial's mark is in the window."""
    script = (
        f"(() => {{ const c = [...charts].filter(c => c.places)[{figure}];"
        f"const p = c.places().find(p => p.trial === {position});"
        "const b = c.element.getBoundingClientRect(); return [b.left + p.x, b.top + p.y]; })()"
    )
    x, y = browser.run(script)
    return float(x), float(y)


@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", [*EXAMPLES, "large"])
def test_every_page_is_drawn_without_a_complaint_and_without_a_request(
    browser: Browser, pages: Path, name: str, width: int, dark: bool
):
    browser.open(pages / f"{name}.html", width=width, dark=dark)
    assert browser.complaints == []
    assert [address for address in browser.requests if not address.startswith(("file:", "data:"))] == []
    assert browser.run("document.documentElement.scrollWidth <= innerWidth"), "the page itself never scrolls sideways"
    assert texts(browser, "main > section h2")[0] in {"Pareto front", "Best trial"}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_figure_has_the_colours_of_the_theme(browser: Browser, pages: Path, dark: bool):
    browser.open(pages / "two.html", dark=dark)
    ink = browser.run("colour('--ink')")
    assert ink == ("#e6eaee" if dark else "#1f2933")
    painted = (
        "(() => { const c = document.querySelector('#objectives canvas'); const d = c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data; let n = 0;"
        "for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; })()"
    )
    assert browser.run(painted) > 1000


def test_a_page_shows_every_view(two: Browser):
    assert two.run("[...document.querySelectorAll('main > section')].map(s => s.id)") == SECTIONS
    assert "TrialsCompleted" not in two.run("document.body.innerText")


def test_a_drag_selects_in_every_view(two: Browser):
    scroll_to(two, "#objectives canvas")
    left, top, right, bottom = two.run(
        "(() => { const e = document.querySelector('#objectives canvas'); const b = e.getBoundingClientRect();"
        "const x = e.chart.box; return [b.left + x.x, b.top + x.y, b.left + x.x + x.w / 2, b.top + x.y + x.h / 2]; })()"
    )
    two.drag(left, top, right, bottom)
    found = chosen(two)
    assert 0 < len(found) < 43
    assert texts(two, "#tools strong") == [f"{len(found)} trials selected"]
    marked = two.run("[...new Set([...document.querySelectorAll('#trials tr.chosen')].map(r => +r.dataset.trial))]")
    assert sorted(marked) == found
    rows = list(csv.DictReader(io.StringIO(two.run("selectionAsCsv()"))))
    assert [row["trial"] for row in rows] == [f"mnist-nas-{i}" for i in found]
    press(two, "Clear", "#tools")
    assert chosen(two) == []


def test_a_drag_along_an_axis_selects_and_a_click_on_it_releases(two: Browser):
    scroll_to(two, "#parameters canvas")
    x, y0, y1 = two.run(
        "(() => { const e = document.querySelector('#parameters canvas'); const c = e.chart;"
        "const b = e.getBoundingClientRect(); return [b.left + c.x(0), b.top + c.y(0.55), b.top + c.y(1.01)]; })()"
    )
    two.drag(x, y0, x, y1)
    axis = "data.parameters.findIndex(p => p.name === 'hidden_size_1')"
    sizes = two.run(f"[...state.chosen].map(i => trials[i].parameters[{axis}])")
    assert sizes
    assert min(sizes) > 16 * (128 / 16) ** 0.5, "the axis has the scale of the parameter: Log"
    two.click(x, (y0 + y1) / 2)
    assert chosen(two) == []


def test_the_selection_of_another_view_releases_the_axes(two: Browser):
    two.run("[...charts].find(c => c.brushes).brushes[0] = [0, 1]")
    press(two, "Select the Pareto set", "#tools")
    assert two.run("[...charts].find(c => c.brushes).brushes.every(b => b === null)")
    assert chosen(two) == sorted(two.run("data.front"))


def test_a_click_on_a_mark_opens_its_trial(two: Browser):
    scroll_to(two, "#objectives canvas")
    position = two.run("data.front[0]")
    two.click(*mark_of(two, position))
    assert two.run("document.getElementById('trial').open")
    name = two.run(f"trials[{position}].name")
    assert texts(two, "#trial h2") == [name]
    assert texts(two, "#trial h3") == ["Metrics", "Parameters", "Attempts", "Curves"]
    press(two, "✕", "#trial")
    assert not two.run("document.getElementById('trial').open")


def test_a_failed_trial_shows_its_reason_and_the_end_of_its_log(two: Browser):
    position = two.run("trials.findIndex(t => t.state === 'Failed')")
    two.run(f"openTrial({position})")
    assert texts(two, "#trial .message") == ["ended with exit code 1"]
    assert "RuntimeError: out of luck" in texts(two, "#trial pre.log")[0]
    assert "Crashed" in texts(two, "#trial td")


def test_the_table_is_searched_and_sorted_and_selected_from(two: Browser):
    two.run(
        "(() => { const s = document.querySelector('#trials input'); s.value = 'failed crashed';"
        "s.dispatchEvent(new Event('input')); })()"
    )
    assert texts(two, "#trials tbody button.link") == ["mnist-nas-7", "mnist-nas-24", "mnist-nas-41"]
    press(two, "Select what is found", "#trials")
    assert chosen(two) == [7, 24, 41]
    two.run(
        "(() => { const s = document.querySelector('#trials input'); s.value = '';"
        "s.dispatchEvent(new Event('input')); })()"
    )
    press(two, "num_params", "#trials thead")
    cells = texts(two, "#trials tbody tr td:nth-child(4)")
    sizes = [float(cell.replace(",", "")) for cell in cells if cell]
    assert sizes == sorted(sizes)
    assert cells[-1] == "", "empty cells come last"


def test_without_dominated_trials_the_table_has_the_front_alone(two: Browser):
    two.run("document.querySelector('#tools input').click()")
    two.settle()
    assert len(texts(two, "#trials tbody tr")) == two.run("data.front.length")


def test_the_front_is_told_with_what_each_step_costs(two: Browser):
    rows = two.run("[...document.querySelectorAll('#choice tbody tr')].map(r => r.innerText)")
    assert len(rows) == two.run("data.front.length")
    assert "best val_acc" in rows[0]
    assert "best num_params" in rows[-1]
    assert sum("balanced" in row for row in rows) == 1
    assert "\N{MINUS SIGN}" in rows[1], "a step to a smaller network"


def test_what_it_cost_is_told_in_trials_in_time_and_in_slot_time(two: Browser):
    for words in ("time", "slot time", "trials"):
        press(two, words, "#progress")
        assert two.run("document.querySelectorAll('#progress canvas').length") == 1
        assert two.complaints == []
    assert (
        "the last to add to it" in texts(two, "#progress .lead")[0] or "still added" in texts(two, "#progress .lead")[0]
    )


def test_what_is_folded_is_drawn_when_it_is_opened(two: Browser):
    two.run("document.querySelectorAll('#model details').forEach(d => { d.open = true; })")
    two.settle()
    assert two.run("document.querySelectorAll('#model canvas').length") > 4
    scroll_to(two, "#model")
    assert two.complaints == []
    assert any("R² 0.9" in fit or "R² 1.0" in fit for fit in texts(two, "#model .fit"))


def test_a_few_outliers_do_not_squash_an_axis_and_can_be_shown(browser: Browser, tmp_path: Path):
    points = [(i / 100, 1 - i / 100) for i in range(99)] + [(1e6, 1e6)]
    names = [objective("a"), objective("b")]
    trials = [trial(i, "Succeeded", metrics={"a": a, "b": b}) for i, (a, b) in enumerate(points)]
    of = experiment(objectives=names, maxTrials=100)
    report.write(tmp_path / "page.html", of, trials, {}, model=False)
    browser.open(tmp_path / "page.html")
    assert browser.run("document.querySelector('#objectives canvas').chart.x.view[1]") < 2
    assert texts(browser, "#objectives figcaption") == ["1 trial outside this view. Show all"]
    press(browser, "Show all", "#objectives")
    assert browser.run("document.querySelector('#objectives canvas').chart.x.view[1]") > 1e6
    assert texts(browser, "#objectives figcaption") == [""]


def test_steps_and_counts_are_whole_numbers(two: Browser):
    ticks = two.run("[...charts].filter(c => c.x?.whole).flatMap(c => c.x.ticks(20))")
    assert ticks
    assert all(float(tick).is_integer() for tick in ticks)


def test_one_objective_has_neither_a_pareto_set_nor_a_hypervolume(browser: Browser, pages: Path):
    browser.open(pages / "one.html")
    words = browser.run("document.querySelector('main').innerText").split("objectives:")[0].lower()
    assert "pareto" not in words
    assert "hypervolume" not in words


def evil_page(tmp_path: Path) -> Path:
    made = EXAMPLES["evil"]()
    path = tmp_path / "evil.html"
    report.write(path, made.experiment, made.trials, made.curves)
    return path


def test_what_users_wrote_is_shown_and_never_run(browser: Browser, tmp_path: Path):
    browser.open(evil_page(tmp_path))
    browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    failed = browser.run("trials.findIndex(t => t.state === 'Failed')")
    for position in (0, failed):
        browser.run(f"openTrial({position})")
        browser.settle()
        assert EVIL in texts(browser, "#trial h2")[0]
    assert EVIL in texts(browser, "#trial pre.log")[0]
    assert browser.run("document.querySelectorAll('img, a[href], script[src]').length") == 0
    assert browser.complaints == []


@pytest.mark.parametrize("name", ["🐘 ünï\u202ecode", "日本語の試行", "a\u0000b", "x" * 200])
def test_any_name_is_a_text(browser: Browser, tmp_path: Path, name: str):
    made = renamed(EXAMPLES["two"](), name)
    report.write(tmp_path / "page.html", made.experiment, made.trials, made.curves, model=False)
    browser.open(tmp_path / "page.html", width=400)
    assert browser.complaints == []
    assert browser.run("trials[0].name").endswith(name)
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("strip", ["metrics", "attempts"])
def test_trials_that_lack_much_are_drawn(browser: Browser, tmp_path: Path, strip: str):
    made: Search = EXAMPLES["four"]()
    state: Any = {"metrics": {"state": "Failed", "metrics": {}}, "attempts": {"attempts": ()}}[strip]
    trials = [each.with_status(**state) for each in made.trials]
    report.write(tmp_path / "page.html", with_status(made.experiment, trials), trials, {}, model=False)
    browser.open(tmp_path / "page.html")
    browser.run("openTrial(0)")
    assert browser.complaints == []


def test_a_csv_quotes_what_needs_it(browser: Browser, tmp_path: Path):
    browser.open(evil_page(tmp_path))
    rows = list(csv.reader(io.StringIO(browser.run("selectionAsCsv()"))))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert rows[1][0] == browser.run("trials[0].name")


@pytest.mark.parametrize(
    ("audit", "words"), [(False, "Stopped early at step 40"), (True, "Would have been stopped at")]
)
def test_a_verdict_is_told_with_the_trial_that_dominates(browser: Browser, tmp_path: Path, audit: bool, words: str):
    verdict = Verdict(
        rule="OptimisticDominance",
        step=40,
        bound={"accuracy": 0.5, "size": 90.0},
        dominated_by="nas-0",
        dominating={"accuracy": 0.9, "size": 50.0},
        curves=5,
        steps_saved=60,
        audit=audit,
    )
    better = trial(0, "Succeeded", metrics={"accuracy": 0.9, "size": 50.0})
    stopped = trial(1, "Succeeded" if audit else "EarlyStopped").with_status(verdict=verdict)
    curves = {name: {"accuracy": [(0, 0.1), (40, 0.4)]} for name in ("nas-0", "nas-1")}
    report.write(tmp_path / "page.html", experiment(), [better, stopped], curves, model=False)
    browser.open(tmp_path / "page.html")
    browser.run("openTrial(1)")
    [said] = texts(browser, "#trial .message")
    assert said.startswith(words)
    assert "accuracy 0.5, size 90) is dominated by nas-0" in said
    assert browser.complaints == []
