"""Tries the convolutional trainer on GPUs; scripts/gpu-check.sh says what, and starts it."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES, IMAGES, SIDE = 10, 200, 32
"""A folder of 2,000 random images as large as CIFAR-10's, with a fifth as many to validate."""
TRIAL = "--dataset folder --epochs 20 --stages 4 --stem-width 64 --width-1 64 --width-2 128 --width-3 256 --width-4 512"
BLOCKS = "--op-1 residual --op-2 residual --op-3 residual --op-4 residual --blocks-1 2 --blocks-2 2 --batch-size 128"
TOO_LARGE = "--op-1 separable --blocks-1 1 --width-1 16384 --batch-size 2000"
"""Feature maps of 67 GB each in bf16, of which the backward pass needs three; the weights are few."""
SECONDS = 1800.0


def make_images(folder: Path) -> None:
    """Write the images: noise, and a stripe whose place is the class."""
    random = np.random.default_rng(0)
    for part, count in (("train", IMAGES), ("val", IMAGES // 5)):
        for label in range(CLASSES):
            place = folder / part / str(label)
            place.mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 160, (SIDE, SIDE, 3), np.uint8)
                pixels[3 * label : 3 * label + 3] += 90
                Image.fromarray(pixels).save(place / f"{number}.png")


def start(work: Path, name: str, words: str, devices: str, launcher: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
    """Start a trial that sees these devices."""
    command = [sys.executable, *launcher, "-m", "paretonas_trainer", "--model", "cnn", *words.split()]
    command += ["--data-dir", str(work / "images")]
    command += ["--log-dir", str(work / name / "logs"), "--output-dir", str(work / name / "output")]
    environment: Mapping[str, str] = os.environ | ({"CUDA_VISIBLE_DEVICES": devices} if devices else {})
    return subprocess.Popen(  # noqa: S603 # our own words
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def row(name: str, began: float, trial: "subprocess.Popen[str]") -> str:
    """Wait for a trial, and say how it ended."""
    output, _ = trial.communicate(timeout=SECONDS)
    last = output.strip().splitlines()[-1:] or ["no output"]
    return f"| {name} | {trial.returncode} | {time.monotonic() - began:.0f} | {last[0][:160]} |"


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", type=Path)
    parser.add_argument("gpus", type=int)
    parser.add_argument("--accelerator", default="gpu", help="cpu to try the script itself, which takes minutes there")
    parser.add_argument("--epochs", type=int, default=20)
    given = parser.parse_args()
    make_images(given.work / "images")
    on_gpu = given.accelerator == "gpu"
    both = f"{TRIAL} {BLOCKS} --epochs {given.epochs} --accelerator {given.accelerator}"
    print("| what | exit code | seconds | the last line |\n|---|---:|---:|---|", flush=True)  # noqa: T201 # the table
    for name, more in (("fp32", "--precision fp32"), ("bf16", "--precision bf16"), ("compiled", "--compile")):
        if name != "compiled" or on_gpu:
            began = time.monotonic()
            print(row(name, began, start(given.work, name, f"{both} {more}", "0" * on_gpu)), flush=True)  # noqa: T201
    began, devices = time.monotonic(), ("0", "1" if given.gpus > 1 else "0")
    names = ("first of two at once", "second of two at once")
    trials = [start(given.work, name, both, device * on_gpu) for name, device in zip(names, devices, strict=True)]
    for name, trial in zip(names, trials, strict=True):
        print(row(name, began, trial), flush=True)  # noqa: T201
    if given.gpus > 1 or not on_gpu:
        gang, began = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"), time.monotonic()
        print(row("one in two processes", began, start(given.work, "gang", both, "0,1" * on_gpu, gang)), flush=True)  # noqa: T201
    else:
        print("| one in two processes | | | not run: it needs two GPUs |")  # noqa: T201
    if on_gpu:
        began = time.monotonic()
        print(row("too large", began, start(given.work, "large", f"{both} {TOO_LARGE}", "0")), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
