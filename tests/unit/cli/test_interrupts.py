"""Ctrl-C and SIGTERM as something to look at."""

import os
import signal

import pytest

from paretonas.cli.interrupts import Interrupts, LeaveAtOnce


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_a_request_and_the_second_an_exception(signum: signal.Signals) -> None:
    with Interrupts() as interrupts:
        assert not interrupts.requested
        os.kill(os.getpid(), signum)
        assert interrupts.requested
        with pytest.raises(LeaveAtOnce):
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)  # a third one must not end what the second has begun


def test_what_the_signals_did_before_they_do_again() -> None:
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    with Interrupts():
        assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] != before
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before
