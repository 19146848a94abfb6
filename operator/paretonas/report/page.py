"""The HTML page, rendered from a template."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

import jinja2
from plotly.offline import get_plotlyjs

from paretonas.api import NASExperiment, NASTrial, dump_yaml
from paretonas.engine.wording import count, duration, number, pairs
from paretonas.report.curves import LoggedCurves
from paretonas.report.figure import TEMPLATE, VIRIDIS
from paretonas.report.results import Results
from paretonas.report.sections import Section, sections
from paretonas.report.table import trial_table
from paretonas.report.text import goals


@dataclass(frozen=True)
class Fact:
    """A tile of the header: a name, its value and a remark."""

    name: str
    value: str
    remark: str = ""


@dataclass(frozen=True)
class StateBadge:
    """The state of the experiment: one word, the reason, and the CSS class for its colour."""

    word: str
    message: str
    kind: str


def page(
    experiment: NASExperiment,
    trials: Sequence[NASTrial],
    curves: Mapping[str, LoggedCurves],
    model: Sequence[Section] = (),
) -> str:
    """The whole page as HTML; the same trials give the same page.

    Args:
        experiment: the experiment with its status.
        trials: its trials in any order.
        curves: what each trial has logged, by the trial's name; those without logs may be absent.
        model: what a model of the trials says, where it was asked.
    """
    results = Results(experiment, tuple(sorted(trials, key=lambda trial: trial.spec.index)))
    parts = [*sections(results, curves), *model]
    figures = {f"{part.name}-{i}": plot.figure for part in parts for i, plot in enumerate(part.plots) if plot.figure}
    scripts = [get_plotlyjs(), _packaged("page.js")]
    return (
        _environment()
        .get_template("template.html")
        .render(
            name=experiment.name,
            goals=goals(results.objectives),
            state=_state(experiment),
            facts=_facts(results),
            sections=parts,
            table=trial_table(results),
            document=_document(experiment),
            order_colours=VIRIDIS,
            data={"template": TEMPLATE, "figures": figures},
            style=_packaged("style.css"),
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
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """The script's name in a Content-Security-Policy: with it, no other script on the page is run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _state(experiment: NASExperiment) -> StateBadge:
    condition = experiment.status.condition("Succeeded")
    if condition is None:
        return StateBadge("Not started", "", "waiting")
    kind = {"True": "good", "False": "bad"}.get(condition.status, "waiting")
    return StateBadge(condition.reason, condition.message, kind)


def _facts(results: Results) -> list[Fact]:
    spec = results.experiment.spec
    states = ("Succeeded", "Failed", "Infeasible", "EarlyStopped", "Running", "Pending")
    counted = [t for t in results.trials if t.counts_toward_budget]
    by_state = {state: sum(t.status.state == state for t in counted) for state in states}
    by_state["known"] = sum(not t.counts_toward_budget and not t.refused for t in results.trials)
    facts = [
        Fact(
            "Trials ended",
            f"{sum(t.ended for t in counted):,} of {spec.planned(len(counted)):,}",
            ", ".join(f"{amount:,} {state}" for state, amount in by_state.items() if amount),
        )
    ]
    if len(spec.objectives) == 1:
        [objective] = spec.objectives
        best = results.front[:1]
        facts += [Fact("Best value", number(t.status.metrics[objective.metric]), t.name) for t in best]
    else:
        facts.append(Fact("Pareto set", count(len(results.front), "trial")))
    if results.hypervolumes:
        corner = f"reference point {pairs(results.reference)}"
        facts.append(Fact("Hypervolume", number(results.hypervolumes[-1]), corner))
    if results.time is not None:
        going_on = "" if results.experiment.status.completion_time else "so far"
        facts.append(Fact("Duration", duration(results.time), going_on))
    return facts


def _document(experiment: NASExperiment) -> str:
    """The experiment as a file that can be run again: without its status and what a cluster adds to the metadata."""
    document = experiment.to_dict()
    document["metadata"] = {"name": experiment.name}
    document.pop("status")
    return dump_yaml(document, width=100)
