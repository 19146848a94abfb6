"""One trial: trains a small network to tell two spirals apart. Replace it with your own training."""

import argparse
import os
from pathlib import Path

import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int, default=16)
parser.add_argument("--depth", type=int, default=2)
parser.add_argument("--learning_rate", type=float, default=0.01)
parser.add_argument("--log-dir")
args = parser.parse_args()

torch.manual_seed(0)
turn, side = 10 * torch.rand(1500), torch.randint(2, (1500,))
angle = turn + torch.pi * side
points = torch.stack([turn * torch.cos(angle), turn * torch.sin(angle)], dim=1) / 10
layers: list[nn.Module] = []
for i in range(args.depth):
    layers += [nn.Linear(args.width if i else 2, args.width), nn.ReLU()]
model = nn.Sequential(*layers, nn.Linear(args.width, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=args.learning_rate)

with SummaryWriter(args.log_dir) as writer:
    writer.add_scalar("num_params", sum(p.numel() for p in model.parameters()), 0)
    for step in range(1, 201):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(points[:1000]), side[:1000]).backward()
        optimizer.step()
        with torch.no_grad():
            val_acc = (model(points[1000:]).argmax(dim=1) == side[1000:]).float().mean().item()
        writer.add_scalar("val_acc", val_acc, step)
        if step % 50 == 0:
            print(f"step {step}: val_acc {val_acc:.3f}")

output = Path(os.environ.get("PARETONAS_OUTPUT_DIR", "output"))  # the trial's own folder, for what it keeps
output.mkdir(parents=True, exist_ok=True)
torch.save(model, output / "model.pt")
