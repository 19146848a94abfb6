from hypothesis import settings

# deadline: how long an example takes says nothing on a busy machine; derandomize: the same examples each time
settings.register_profile("api", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("api")
