"""A trial as a TorchX application with one role."""

import json
import math

from torchx import specs
from torchx.components.dist import torchrun

from paretonas.api import OUTPUT_DIR_VARIABLE, inactive, substitute
from paretonas.api.quantities import amount
from paretonas.jobs.job import ROLE, Launch

RENDEZVOUS_PORT = 29500
"""The port on which the replicas of a gang meet, on the first of them; the default of PyTorch."""

_GPUS = ("nvidia.com/gpu", "amd.com/gpu")
"""The resources that TorchX counts as GPUs; other devices are passed on by name."""


def trial_app(launch: Launch, log_dir: str, output_dir: str) -> specs.AppDef:
    """The application of one attempt, given its folders as the trial sees them."""
    template = launch.experiment.spec.trial
    values = launch.values(log_dir, output_dir)
    env = {
        variable.name: substitute(variable.value, values)
        for variable in template.env
        if not inactive(variable.value, values)
    }
    env |= {
        "PARETONAS_LOG_DIR": log_dir,
        OUTPUT_DIR_VARIABLE: output_dir,
        "PARETONAS_TRIAL": launch.trial.name,
        "PARETONAS_PARAMETERS": json.dumps(dict(launch.trial.spec.parameters)),
    }
    make = _alone if template.replicas == 1 else _gang
    return make(
        launch,
        [_literal(word) for word in launch.command(log_dir, output_dir)],
        {k: _literal(v) for k, v in env.items()},
    )


def _alone(launch: Launch, command: list[str], env: dict[str, str]) -> specs.AppDef:
    template = launch.experiment.spec.trial
    role = specs.Role(
        name=ROLE,
        image=template.image,
        entrypoint=command[0],
        args=command[1:],
        env=env,
        max_retries=0,  # the engine retries, with a new name and a new folder
        resource=_resource(template.resources),
    )
    return specs.AppDef(name=launch.name, roles=[role])


def _gang(launch: Launch, command: list[str], env: dict[str, str]) -> specs.AppDef:
    """A gang of replicas: torchrun starts the command in each of them, once for each of its GPUs."""
    template = launch.experiment.spec.trial
    resource = _resource(template.resources)
    app = torchrun(
        *command,
        script="--no-python",  # torchrun's flag for any command; TorchX has no other way to pass it
        name=f"{launch.experiment.name}/{launch.name}",
        image=template.image,
        j=f"{template.replicas}x{max(1, resource.gpu)}",
        env=env,
        rdzv_port=RENDEZVOUS_PORT,
        tee=0,  # no copy of the output in a file
    )
    for role in app.roles:
        role.name, role.resource = ROLE, resource  # torchrun's are named after a script, and count whole CPUs only
    return app


def _literal(text: str) -> str:
    """Escape a text, so that TorchX does not substitute its own macros (``${app_id}``)."""
    return text.replace("$", "$$")


def _resource(resources: dict[str, str]) -> specs.Resource:
    """The resources in TorchX's units (whole CPUs, whole GPUs and MB), rounded up."""
    devices = {
        name: math.ceil(amount(quantity))
        for name, quantity in resources.items()
        if "/" in name and name not in _GPUS and amount(quantity) > 0
    }
    return specs.Resource(
        cpu=math.ceil(amount(resources["cpu"])) if "cpu" in resources else -1,
        gpu=sum(math.ceil(amount(resources[name])) for name in _GPUS if name in resources),
        memMB=math.ceil(amount(resources["memory"]) / 10**6) if "memory" in resources else -1,
        devices=devices,
    )
