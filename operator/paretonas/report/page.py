"""The page: one HTML file that holds the data document, and the style and the scripts that draw it."""

import base64
import hashlib
from importlib import resources

import jinja2

from paretonas.report.document import Document

SCRIPTS = (
    "basics.js", "state.js", "axis.js", "chart.js", "objectives.js", "parallel.js", "choice.js",
    "progress.js", "curves.js", "model.js", "timeline.js", "trial.js", "table.js", "main.js",
)  # fmt: skip
"""In the order in which they are run. They are plain scripts, which share what they declare: a browser does not load
modules for a page that was opened from a file."""


def page(document: Document) -> str:
    """The whole page as HTML; the same document gives the same page."""
    scripts = [_packaged(name) for name in SCRIPTS]
    return (
        _environment()
        .get_template("page.html")
        .render(
            name=document["name"],
            data=document,
            style=_packaged("page.css"),
            scripts=scripts,
            hashes=[_hash(script) for script in scripts],
        )
    )


def _environment() -> jinja2.Environment:
    """Create the template environment; all values are escaped, unless the template says otherwise."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_packaged),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # what is not a number must not reach the page: JSON.parse would refuse all of it
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return environment


def _packaged(name: str) -> str:
    return resources.files(__package__).joinpath("static", name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """The script's name in a Content-Security-Policy: with it, no other script on the page is run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
