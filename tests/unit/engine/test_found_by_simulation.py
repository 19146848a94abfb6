"""What the simulation has found, in as few calls as it takes."""

import pytest
from tests.builders import experiment, trial
from tests.unit.engine.fakes import World, run


def test_candidates_chosen_without_knowing_of_a_trial_are_not_stored_beside_it() -> None:
    """A trial was created, but its answer was lost: the next question is asked as if it did not exist."""

    class Behind(World):
        def trials(self):  # type: ignore[no-untyped-def] # as in World
            seen = super().trials()
            return seen if self.calls.count("create_trial") else []

    world = Behind(experiment(), points=4, trials_={"nas-0": trial(0, x=0.9)})
    world.engine().ask()
    assert list(world.trials_) == ["nas-0"], "the second of two candidates may be the very point of nas-0"


def test_a_trial_whose_answer_was_lost_is_met_though_a_later_one_was_stored_since() -> None:
    """Nobody saw nas-1 yet, and somebody else's nas-2 had come, so that the next one was nas-3."""

    class Blind(World):
        blind = True

        def trials(self):  # type: ignore[no-untyped-def] # as in World
            return [t for t in super().trials() if not (self.blind and t.name == "nas-1")]

        def create_trial(self, new):  # type: ignore[no-untyped-def] # as in World
            super().create_trial(new)
            if self.blind and new.name == "nas-1":
                raise TimeoutError("the answer was lost")
            self.blind = False

    world = Blind(experiment(maxTrials=4, parallelism=3), points=64, trials_={"nas-0": trial(0, x=0.9)})
    engine = world.engine()
    with pytest.raises(TimeoutError):
        engine.ask()
    world.trials_["nas-2"] = trial(2, x=0.1)
    with pytest.raises(TimeoutError):
        engine.ask()
    assert sorted(world.trials_) == ["nas-0", "nas-1", "nas-2"]


def test_what_has_changed_while_the_search_thought_counts_at_once() -> None:
    """Else a status is written that follows from an experiment older than the one that it replaces."""

    class Edited(World):
        def suggest(self, *question):  # type: ignore[no-untyped-def] # as in World
            self.experiment_ = experiment(suspend=True)
            return super().suggest(*question)

    world = Edited(experiment())
    snapshot = world.engine().run_pass()
    assert snapshot.experiment.spec.suspend
    assert not world.jobs_


def test_an_experiment_that_ended_for_want_of_points_stays_so_for_the_next_engine() -> None:
    world = World(experiment(), points=4)
    ended = run(world).status
    assert world.engine().run_pass(ask=False).status == ended


def test_more_trials_are_asked_for_when_there_may_be_more_than_when_it_ended() -> None:
    world = World(experiment(maxTrials=4), points=6)
    run(world)
    world.experiment_ = world.experiment_.replace(spec=world.experiment_.spec.replace(max_trials=8))
    assert len(run(world).trials) == 6
