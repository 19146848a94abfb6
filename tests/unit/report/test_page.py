import base64
import hashlib
import json
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from tests.unit.report.made_up import EVIL, EXAMPLES, Search, large, renamed

from paretonas import report

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
    document, *_ = Outline(html).scripts()
    loaded: dict[str, Any] = json.loads(document)
    return loaded


@pytest.fixture(scope="module")
def two() -> Search:
    return EXAMPLES["two"]()


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_page_is_whole_html_with_its_document(name: str):
    made = EXAMPLES[name]()
    assert data(made.page()) == json.loads(json.dumps(made.document()))


def test_nothing_is_loaded_from_anywhere(two: Search):
    outline = Outline(two.page())
    links = {"src", "href", "action", "data", "poster", "srcset", "background"}
    found = [(tag, a) for tag, a in outline.elements if links & a.keys()]
    assert found == [("link", {"rel": "icon", "href": "data:,"})], "without it, a browser asks the server for one"
    assert "url(" not in "".join(text for tag, text in outline.texts if tag == "style")


def test_the_policy_forbids_the_network_and_every_script_but_our_own(two: Search):
    outline = Outline(two.page())
    [policy] = [a["content"] for tag, a in outline.elements if "content-security-policy" in str(a).lower()]
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    _, *scripts = outline.scripts()  # the first is the data, which is not run
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert rules["default-src"] == "'none'"
    assert rules["script-src"].split() == [f"'sha256-{digest}'" for digest in hashes]


def test_what_users_wrote_never_becomes_html():
    plain = Outline(renamed(EXAMPLES["conditional"](), "plain" * 20).page())
    page = EXAMPLES["evil"]().page()
    evil = Outline(page)
    assert evil.elements[4:] == plain.elements[4:]
    assert EVIL not in page
    assert any(EVIL in trial["name"] for trial in data(page)["trials"]), "the text itself is to be read"


def test_the_same_trials_make_the_same_page(two: Search):
    backwards = replace(two, trials=two.trials[::-1])
    assert two.page() == backwards.page()


def test_a_thousand_trials_with_long_curves_stay_below_six_megabytes():
    made = large()
    assert (len(made.trials), len(made.experiment.spec.objectives), len(made.experiment.spec.parameters)) == (
        1000,
        4,
        20,
    )
    assert len(made.page().encode()) < 6e6


def test_a_written_page_replaces_the_old_one_at_once(two: Search, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    report.write(path, two.experiment, two.trials, two.curves, model=False)
    assert path.read_text() == two.page()
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_that_does_not_exist_is_an_os_error(two: Search, tmp_path):
    with pytest.raises(FileNotFoundError):
        report.write(tmp_path / "absent" / "report.html", two.experiment, two.trials, two.curves, model=False)
