# The images: `docker build --target operator -t paretonas-operator:0.1.0 .` and `--target trainer -t paretonas-trainer:0.1.0 .`
# Both share a layer with torch, so a node stores it once. Everything is a wheel, pinned by hash in requirements/.
#   PYTHON_IMAGE   the base image
#   TORCH_INDEX    the address of an index with torch's CPU wheels (see pytorch.org, "Get Started"): images of 1.5 GB instead of 6 GB.
#                  Those wheels have other hashes than the pinned ones; the versions stay as pinned.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS base
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 UV_NO_CACHE=1 VIRTUAL_ENV=/opt/venv
RUN pip install --no-cache-dir --root-user-action=ignore uv && python -m venv --without-pip /opt/venv
WORKDIR /app

FROM base AS torch
ARG TORCH_INDEX=
COPY requirements/torch.txt requirements/
RUN if [ -n "$TORCH_INDEX" ]; then \
      uv pip install --index-url "$TORCH_INDEX" "torch==$(sed -n 's/^torch==\([^ ]*\).*/\1/p' requirements/torch.txt)"; \
    else uv pip install --compile-bytecode --require-hashes -r requirements/torch.txt; fi

FROM torch AS operator
COPY requirements/operator.txt requirements/
RUN uv pip install --compile-bytecode --no-deps --require-hashes -r requirements/operator.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
RUN mkdir trainer && uv pip install --compile-bytecode --no-deps .
# USER: kopf and torch look up the user's name, which the image's /etc/passwd does not contain
ENV OMP_NUM_THREADS=1 USER=paretonas
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["paretonas-operator"]

FROM torch AS trainer
COPY requirements/trainer.txt requirements/
ARG TORCH_INDEX=
RUN uv pip install --compile-bytecode --no-deps --require-hashes -r requirements/trainer.txt && \
    if [ -n "$TORCH_INDEX" ]; then \
      uv pip install --no-deps --reinstall --index-url "$TORCH_INDEX" "$(sed -n 's/^\(torchvision==[^ ]*\).*/\1/p' requirements/trainer.txt)"; fi
COPY pyproject.toml README.md LICENSE ./
COPY trainer trainer
RUN mkdir operator && uv pip install --compile-bytecode --no-deps .
ENV USER=paretonas
USER 65532:65532
ENTRYPOINT []
CMD ["python", "-m", "paretonas_trainer", "--help"]
