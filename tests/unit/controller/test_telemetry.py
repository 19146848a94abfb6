import pytest
from tests import builders

from paretonas.api import ExperimentStatus, ParetoPoint, TrialCounts
from paretonas.controller.telemetry import Telemetry
from paretonas.engine.engine import Snapshot

KEY = ("team", "nas")


def snapshot(**status: object) -> Snapshot:
    experiment = builders.experiment()
    return Snapshot(experiment.replace(status=ExperimentStatus().replace(**status)), ())


def lines(telemetry: Telemetry) -> list[str]:
    return [line for line in telemetry.exposition().decode().splitlines() if not line.startswith("#")]


def test_an_experiment_is_shown_by_counts_and_sizes_and_never_by_its_parameters() -> None:
    point = ParetoPoint(trial="nas-0", index=0, parameters={"secret": "hunter2"}, metrics={"accuracy": 0.9})
    telemetry = Telemetry(lambda: True)
    counts = TrialCounts(total=3, running=1, succeeded=2)
    telemetry.record_snapshot(KEY, snapshot(trials=counts, pareto_set=(point,), hypervolume=1.5))
    shown = lines(telemetry)
    for expected in (
        'paretonas_trials{experiment="nas",namespace="team",state="running"} 1.0',
        'paretonas_trials{experiment="nas",namespace="team",state="succeeded"} 2.0',
        'paretonas_hypervolume{experiment="nas",namespace="team"} 1.5',
        'paretonas_pareto_set_size{experiment="nas",namespace="team"} 1.0',
    ):
        assert expected in shown
    assert "hunter2" not in "\n".join(shown)


def test_progress_is_stamped_when_counts_change_and_only_then() -> None:
    telemetry = Telemetry(lambda: True)

    def stamp() -> str:
        [line] = [line for line in lines(telemetry) if line.startswith("paretonas_last_progress")]
        return line

    telemetry.record_snapshot(KEY, snapshot(trials=TrialCounts(running=1)))
    first = stamp()
    telemetry.record_snapshot(KEY, snapshot(trials=TrialCounts(running=1)))
    assert stamp() == first
    telemetry.record_snapshot(KEY, snapshot(trials=TrialCounts(succeeded=1)))
    assert stamp() != first


def test_passes_are_timed_and_their_errors_counted() -> None:
    telemetry = Telemetry(lambda: True)
    with telemetry.time_pass():
        pass
    with pytest.raises(RuntimeError), telemetry.time_pass():
        raise RuntimeError("planted")
    shown = lines(telemetry)
    assert "paretonas_pass_seconds_count 2.0" in shown
    assert "paretonas_pass_errors_total 1.0" in shown


def test_the_search_process_is_looked_at_whenever_somebody_asks() -> None:
    running = False
    telemetry = Telemetry(lambda: running)
    assert "paretonas_search_process_running 0.0" in lines(telemetry)
    running = True
    assert "paretonas_search_process_running 1.0" in lines(telemetry)


def test_a_deleted_experiment_is_shown_no_more() -> None:
    telemetry = Telemetry(lambda: True)
    telemetry.record_snapshot(KEY, snapshot(hypervolume=1.0))
    telemetry.forget(KEY)
    assert not [line for line in lines(telemetry) if 'experiment="nas"' in line]
    telemetry.forget(KEY)
