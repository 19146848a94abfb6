"""Which GPUs a trial gets on this machine. Pure; `device_detection` finds the GPUs."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from paretonas.api import TrialTemplate


class DeviceError(Exception):
    """A variable that limits devices is not valid; the message names it and the remedy."""


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU, or a MIG slice of one, as the driver reports it."""

    index: int
    uuid: str = ""
    sliced: bool = False
    """Whether it is a MIG slice; CUDA shows only one of these to a process."""

    @property
    def key(self) -> str:
        """A text that identifies the device, however it is written."""
        return self.uuid or str(self.index)


@dataclass(frozen=True, slots=True)
class Slot:
    """A device that trials may use."""

    key: str
    spelt: str
    """How it is written in the variable of a trial."""
    sliced: bool = False


Slots = tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class DeviceKind:
    """The GPUs of one vendor."""

    resource: str
    """Its name in ``resources``."""
    words: str
    variables: tuple[str, ...]
    """The variables that limit the GPUs; the first one is set for trials."""
    _allowed: Callable[[Sequence[Device], Mapping[str, str]], Slots]

    def allowed(self, found: Sequence[Device], limits: Mapping[str, str]) -> Slots:
        """The devices that trials may use.

        Args:
            found: what this machine has, in the driver's order.
            limits: the variables of this kind that are set.

        Raises:
            DeviceError: a variable names a device that does not exist.
        """
        return self._allowed(found, {name: limits[name] for name in self.variables if name in limits})

    def environment(self, slots: Slots, limits: Mapping[str, str]) -> dict[str, str]:
        """The variables of a trial that uses these devices."""
        given = {self.variables[0]: ",".join(slot.spelt for slot in slots)}
        if self is NVIDIA and "CUDA_VISIBLE_DEVICES" not in limits:
            given["CUDA_DEVICE_ORDER"] = (
                "PCI_BUS_ID"  # the order of the indices used here; by default, CUDA's is by speed
            )
        return given


def free(slots: Slots, held: Collection[str], count: int) -> Slots | None:
    """``count`` devices whose keys are not in ``held``; None if there are too few."""
    usable = [slot for slot in slots if slot.key not in held and (count == 1 or not slot.sliced)]
    return tuple(usable[:count]) if len(usable) >= count else None


def requests(template: TrialTemplate) -> dict[DeviceKind, int]:
    """How many GPUs of each kind a trial requests."""
    asked = {kind: int(template.resources.get(kind.resource, "0")) for kind in KINDS}
    return {kind: count for kind, count in asked.items() if count > 0}


def limits(template: TrialTemplate, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that limit devices; those of the trial take precedence over those of the run."""
    names = {name for kind in KINDS for name in kind.variables}
    own = {variable.name: variable.value for variable in template.env}
    return {name: text for name, text in {**environment, **own}.items() if name in names}


def assigns_devices_itself(kind: DeviceKind, template: TrialTemplate) -> bool:
    """Whether the template assigns devices itself, for example by ``CUDA_VISIBLE_DEVICES: ${trial.index}``."""
    return any(v.name in kind.variables and "${" in v.value for v in template.env)


def _nvidia(found: Sequence[Device], given: Mapping[str, str]) -> Slots:
    name = "CUDA_VISIBLE_DEVICES"
    if name not in given:
        # slices have no index of their own that CUDA knows
        by_uuid = any(device.sliced for device in found)
        return tuple(Slot(d.key, d.uuid if by_uuid else str(d.index), d.sliced) for d in found)
    return _distinct(Slot(d.key, text, d.sliced) for text, d in _named(name, given[name], found))


def _amd(found: Sequence[Device], given: Mapping[str, str]) -> Slots:
    """``ROCR_VISIBLE_DEVICES`` applies first; the variables of HIP number the devices that it leaves."""
    rocr = "ROCR_VISIBLE_DEVICES"
    seen = [d for _, d in _named(rocr, given[rocr], found)] if rocr in given else list(found)
    renumbered = [Device(position, device.uuid or str(device.index)) for position, device in enumerate(seen)]
    name = next((name for name in ("HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES") if name in given), None)
    left = renumbered if name is None else [d for _, d in _named(name, given[name], renumbered)]
    return _distinct(Slot(device.key, str(device.index)) for device in left)


def _named(name: str, text: str, found: Sequence[Device]) -> Iterator[tuple[str, Device]]:
    """The devices that a variable names, each with the text that names it there."""
    there = f"this machine has {', '.join(d.uuid if d.sliced else str(d.index) for d in found) or 'none'}"
    for entry in filter(None, (part.strip() for part in text.split(","))):
        if entry == "-1":  # CUDA ignores what follows it (CUDA Programming Guide)
            return
        if entry.isdecimal():
            matches = [d for d in found if not d.sliced and d.index == int(entry)]
        else:
            matches = [d for d in found if d.uuid.startswith(entry)]  # a UUID may be shortened
        if not matches and entry.startswith("MIG-"):  # nvidia-smi lists slices in one of two forms
            matches = [Device(-1, entry, sliced=True)]
        if len(matches) != 1:
            what = "names no device" if not matches else "names several devices"
            raise DeviceError(f"{name}={text} {what} with {entry!r}: {there}")
        yield entry, matches[0]


def _distinct(slots: Iterator[Slot]) -> Slots:
    """Each device once, even if it is named several times."""
    first = dict[str, Slot]()
    for slot in slots:
        first.setdefault(slot.key, slot)
    return tuple(first.values())


NVIDIA = DeviceKind("nvidia.com/gpu", "NVIDIA GPU", ("CUDA_VISIBLE_DEVICES",), _nvidia)
AMD = DeviceKind(
    "amd.com/gpu", "AMD GPU", ("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"), _amd
)
KINDS = (NVIDIA, AMD)
