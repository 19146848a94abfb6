"""What all tests share."""

from hypothesis import settings

# without a deadline: a busy machine must not fail a test; derandomised: a failure is the same for everybody
settings.register_profile("paretonas", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("paretonas")
