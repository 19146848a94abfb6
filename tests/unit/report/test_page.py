import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from tests.unit.report.made_up import EVIL, EXAMPLES, Search, mnist, renamed, search, with_status

from paretonas import report
from paretonas.api import NASTrial, load_experiment

VOID = {"meta", "br", "img", "link", "input"}


class Outline(HTMLParser):
    """The page's elements, each with its attributes and its own text; fails where tags are not nested."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes something else, at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        if self._open and data.strip():
            self.texts.append((self._open[-1], data))

    def scripts(self) -> list[str]:
        return [text for tag, text in self.texts if tag == "script"]


def data(html: str) -> dict[str, Any]:
    [document, *_] = [text for text in Outline(html).scripts() if text.startswith("{")]
    loaded: dict[str, Any] = json.loads(document)
    return loaded


@pytest.fixture(scope="module")
def two() -> Search:
    return EXAMPLES["two"]()


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_page_is_whole_html_with_a_place_for_each_figure(name: str):
    html = EXAMPLES[name]().page()
    places = [attributes["id"] for tag, attributes in Outline(html).elements if attributes.get("class") == "plot"]
    assert places == list(data(html)["figures"])


def test_nothing_is_loaded_from_anywhere(two: Search):
    outline = Outline(two.page())
    links = {"src", "href", "action", "data", "poster", "srcset", "background"}
    assert [(tag, a) for tag, a in outline.elements if links & a.keys()] == []
    assert "url(" not in "".join(text for tag, text in outline.texts if tag == "style")


def test_the_policy_forbids_the_network_and_every_script_but_our_own(two: Search):
    outline = Outline(two.page())
    [policy] = [a["content"] for tag, a in outline.elements if "content-security-policy" in str(a).lower()]
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    _, *scripts = outline.scripts()  # the first is the data, which is not run
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert rules["default-src"] == "'none'"
    assert rules["script-src"].split() == [*(f"'sha256-{digest}'" for digest in hashes), "'unsafe-eval'"]


def test_plotly_does_not_offer_to_upload_the_figures(two: Search):
    *_, script = Outline(two.page()).scripts()
    assert "showSendToCloud: false" in script


def test_what_users_wrote_never_becomes_html():
    plain = Outline(renamed(EXAMPLES["conditional"](), "plain" * 20).page())
    evil = Outline(EXAMPLES["evil"]().page())
    assert [tag for tag, _ in evil.elements] == [tag for tag, _ in plain.elements]
    assert {key for _, attributes in evil.elements for key in attributes} == {
        key for _, attributes in plain.elements for key in attributes
    }
    assert any(EVIL in text for tag, text in evil.texts if tag == "td"), "the text itself is to be read"


def test_what_users_wrote_never_becomes_markup_in_a_figure():
    figures = data(EXAMPLES["evil"]().page())["figures"]
    # the names of a parallel axis are drawn as plain text, escaped they would be read with their &lt;
    for dimension in figures["parameters-0"]["data"][0]["dimensions"]:
        dimension.pop("ticktext")
    texts = re.findall(r'"((?:[^"\\]|\\.)*)"', json.dumps(figures))
    shown = [text for text in texts if "evil" in text or "<" in text]
    assert any("&lt;img src=x" in text for text in shown)
    assert [text for text in shown if "<" in re.sub(r"</?b>|<br>|<extra></extra>", "", text)] == []


def test_the_same_trials_make_the_same_page(two: Search):
    backwards = replace(two, trials=two.trials[::-1])
    assert two.page() == backwards.page()


def test_a_thousand_trials_with_long_curves_stay_below_ten_megabytes():
    few = search(mnist(maxTrials=1000), count=20)
    trials = [_copy(few.trials[index % 20], index) for index in range(1000)]
    curve = [(step, 0.123456789 * step) for step in range(1000)]
    curves = {trial.name: {f"layer/{i}": curve for i in range(20)} for trial in trials}
    html = report.page(with_status(few.experiment, trials), trials, curves)
    assert len(html.encode()) < 10e6


def _copy(trial: NASTrial, index: int) -> NASTrial:
    return trial.replace(
        metadata=trial.metadata.replace(name=f"mnist-nas-{index}"), spec=trial.spec.replace(index=index)
    )


def test_the_header_says_how_far_the_search_is(two: Search):
    texts = [text for tag, text in Outline(two.page()).texts if tag in {"h1", "dd", "span", "p"}]
    for expected in ("mnist-nas ", "48 of 48", "43 Succeeded, 3 Failed, 2 Infeasible", "Completed"):
        assert expected in texts
    assert "reference point val_acc 0.94, num_params 80,000" in texts


def test_the_spec_on_the_page_can_be_run_again(two: Search):
    document = max((text for tag, text in Outline(two.page()).texts if tag == "pre"), key=len)
    assert load_experiment(document).spec == two.experiment.spec


@pytest.mark.parametrize("name", ["empty", "begun"])
def test_what_is_not_there_yet_is_said(name: str):
    made = EXAMPLES[name]()
    trials = [trial.with_status(state="Running", metrics={}, attempts=()) for trial in made.trials]
    html = report.page(with_status(made.experiment, trials), trials, {})
    texts = [text for tag, text in Outline(html).texts if tag == "p"]
    assert data(html)["figures"] == {}
    assert texts.count("No trial has succeeded yet.") == 3
    assert "No trial has logged a scalar over several steps yet." in texts
    assert ("No trial has been created yet." in texts) == (name == "empty")


def test_without_a_reference_point_there_is_no_hypervolume_yet():
    made = search(
        mnist(
            objectives=[
                {"metric": "val_acc", "goal": "Maximize"},
                {"metric": "num_params", "goal": "Minimize"},
            ]
        ),
        count=3,
    )
    html = report.page(made.experiment.replace(status=type(made.experiment.status)()), made.trials, {})
    assert "The reference point is fixed when the initial trials have ended." in html
    assert "hypervolume-0" not in data(html)["figures"]


def test_a_written_page_replaces_the_old_one_at_once(two: Search, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    report.write(path, two.experiment, two.trials, two.curves)
    assert path.read_text() == two.page()
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_that_does_not_exist_is_an_os_error(two: Search, tmp_path):
    with pytest.raises(FileNotFoundError):
        report.write(tmp_path / "absent" / "report.html", two.experiment, two.trials, two.curves)
