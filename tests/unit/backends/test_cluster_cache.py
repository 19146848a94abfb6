from typing import Any

from paretonas.backends.cluster.cache import Cache


def body(name: str, version: int, namespace: str = "team") -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": name, "resourceVersion": str(version)}}


def test_the_newer_version_stays_in_whatever_order_they_come() -> None:
    cache = Cache()
    assert cache.put(body("a", 5))
    assert not cache.put(body("a", 5)), "what we wrote ourselves comes back through the watch: no news"
    assert not cache.put(body("a", 4))
    assert cache.put(body("a", 6))
    assert cache.get("team", "a") == body("a", 6)


def test_a_deletion_outlives_older_versions() -> None:
    cache = Cache()
    cache.put(body("a", 5))
    cache.remove(body("a", 7))
    assert cache.get("team", "a") is None
    assert not cache.put(body("a", 6)), "an event that was under way brought back what is deleted"
    assert cache.put(body("a", 8)), "one that was created again under the name is another"


def test_namespaces_are_apart() -> None:
    cache = Cache()
    cache.put(body("a", 1, "red"))
    cache.put(body("a", 2, "blue"))
    assert cache.all("red") == [body("a", 1, "red")]
    assert len(cache.all()) == 2


def test_a_listing_removes_what_it_lacks_but_not_what_is_newer() -> None:
    cache = Cache()
    for name, version in (("stays", 1), ("gone", 2), ("newer", 9)):
        cache.put(body(name, version))
    changed = cache.replace([body("stays", 1), body("found", 3)], version=5)
    assert changed == {("team", "gone"), ("team", "found")}
    assert sorted(b["metadata"]["name"] for b in cache.all()) == ["found", "newer", "stays"]


def test_a_listing_of_a_namespace_leaves_the_others_as_they_are() -> None:
    cache = Cache()
    cache.put(body("a", 1, "red"))
    cache.put(body("b", 1, "blue"))
    cache.remove(body("c", 4, "blue"))
    assert cache.replace([], 9, "red") == {("red", "a")}
    assert cache.all() == [body("b", 1, "blue")]
    assert not cache.put(body("c", 3, "blue")), "its deletion is still known"
