import pytest
from tests.unit.trainer.small_mnist import SmallMnist, make


@pytest.fixture(scope="session")
def small_mnist(tmp_path_factory: pytest.TempPathFactory) -> SmallMnist:
    return make(tmp_path_factory.mktemp("data"))
