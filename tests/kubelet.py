"""What the kubelet makes of the texts of a container before it starts it."""

from collections.abc import Mapping
from typing import Any


def started(container: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """The words and the environment of the process."""
    environment: dict[str, str] = {}
    for variable in container.get("env", ()):
        environment[variable["name"]] = expanded(variable.get("value", ""), environment)
    words = [*container.get("command", ()), *container.get("args", ())]
    return [expanded(word, environment) for word in words], environment


def expanded(text: str, environment: Mapping[str, str]) -> str:
    """``$(NAME)`` replaced, if there is such a variable, and ``$$`` by one ``$``.

    As Kubernetes 1.34 does it: k8s.io/kubernetes/third_party/forked/golang/expansion/expand.go.
    """
    result, at = "", 0
    while at < len(text):
        end = text.find(")", at)
        if text[at : at + 2] == "$$":
            result, at = result + "$", at + 2
        elif text[at : at + 2] == "$(" and end != -1:
            name = text[at + 2 : end]
            result, at = result + environment.get(name, f"$({name})"), end + 1
        else:
            result, at = result + text[at], at + 1
    return result
