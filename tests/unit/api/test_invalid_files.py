"""Every file of tests/data/invalid has one mistake, and its first lines say how it must be told.

``# expect: <path> | <piece>``: a problem at this path, with the piece in its line. ``# cel: no, <why>``: the
schema of the custom resource cannot tell, so that only ParetoNAS itself does.
"""

import re
from pathlib import Path

import pytest

from paretonas.api import InvalidDocument, Problem, load_experiment, load_yaml
from paretonas.api.validation import Typed

FILES = sorted(Path("tests/data/invalid").glob("*.yaml"))
NOTHING = object()


def problems_of(text: str) -> tuple[Problem, ...]:
    try:
        load_experiment(text)
    except InvalidDocument as invalid:
        return invalid.problems
    return ()


def expected_in(text: str) -> list[tuple[str, str]]:
    lines = re.findall(r"^# expect: (.+?) \| (.+)$", text, re.MULTILINE)
    assert lines, "the file does not say what to expect: add '# expect: <path> | <piece>'"
    return lines


def at(document: object, path: str) -> object:
    """What the document has at a path such as ``spec.parameters[0].name``."""
    for part in re.findall(r"\[(\d+)\]|([^.\[\]]+)", path):
        index, key = part
        if index and isinstance(document, list) and int(index) < len(document):
            document = document[int(index)]
        elif key and isinstance(document, dict) and key in document:
            document = document[key]
        else:
            return NOTHING
    return document


def test_there_are_wrong_files_of_every_sort():
    assert len(FILES) >= 60, "tests/data/invalid is found from the root of the repository"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_wrong_file_is_refused_with_exactly_the_problems_that_it_names(path: Path):
    text = path.read_text(encoding="utf-8")
    expected = expected_in(text)
    problems = problems_of(text)
    told = "\n".join(map(str, problems))
    assert sorted(problem.path for problem in problems) == sorted(place for place, _ in expected), told
    for place, piece in expected:
        assert any(piece in str(problem) for problem in problems if problem.path == place), told


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_problem_is_one_line_with_path_value_and_remedy(path: Path):
    text = path.read_text(encoding="utf-8")
    problems = problems_of(text)
    for problem in problems:
        assert problem.path
        assert problem.remedy
        assert len(str(problem).splitlines()) == 1, str(problem)
        assert str(problem).startswith(problem.path)
        assert str(problem).endswith(problem.remedy)
    if any(problem.path.startswith(("line", "document")) for problem in problems):
        return  # nothing was read, so there is no value
    document = load_yaml(text)
    for problem in problems:
        written = at(document, problem.path)
        if isinstance(written, (str, int, float)):
            found = problem.value
            typed = load_yaml(f"[{found}]")[0] if isinstance(found, Typed) else found
            assert typed == written or str(typed) == str(written), f"the value is not there: {problem}"
