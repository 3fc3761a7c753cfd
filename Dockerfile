# One image for every mode; what runs is the command line (`hedgebot run`, `exchange`, `simulate`, ...).
# Root may be read-only: everything that is written goes to /var/lib/hedgebot.
# Assertions guard orders: PYTHONOPTIMIZE is never set, and start-up refuses to trade without them.
ARG BASE_IMAGE=python:3.12-slim-bookworm

FROM ${BASE_IMAGE} AS build
ENV PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
RUN python3 -m venv /opt/hedgebot
# Dependencies first: this layer changes only with the pins. Every file is known by its hash, nothing is compiled.
# LOCK=research.lock adds what only studies need (`make image RESEARCH=1`).
ARG LOCK=requirements.lock
COPY deploy/requirements.lock deploy/research.lock ./
RUN /opt/hedgebot/bin/pip install --no-cache-dir --no-compile --only-binary :all: --require-hashes -r ${LOCK}
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
# What only installs, and the tests of others, stay behind.
RUN /opt/hedgebot/bin/pip install --no-cache-dir --no-compile --no-deps --no-index --no-build-isolation . \
    && /opt/hedgebot/bin/pip uninstall --quiet --yes setuptools pip \
    && find /opt/hedgebot -depth -type d '(' -name __pycache__ -o -path '*/numpy/*/tests' -o -path '*/scipy/*/tests' ')' \
        -exec rm -r '{}' +

FROM ${BASE_IMAGE}
# Letters of the charts that alerts take along as PNG.
RUN test -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf \
    || (apt-get update -q && apt-get install -q --yes --no-install-recommends fonts-dejavu-core && rm -rf /var/lib/apt/lists/*) \
    || echo "no font can be installed here: charts of alerts will be SVG"
RUN groupadd --system --gid 10001 hedgebot \
    && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/hedgebot --shell /usr/sbin/nologin hedgebot \
    && install --directory --owner hedgebot --group hedgebot --mode 0700 /var/lib/hedgebot
COPY --from=build /opt/hedgebot /opt/hedgebot
# What `hedgebot --version` names; empty: none is known. `make image` tells it.
ARG COMMIT=
LABEL org.opencontainers.image.revision=${COMMIT}
RUN test -z "${COMMIT}" || echo "${COMMIT}" > "$(echo /opt/hedgebot/lib/python3.*/site-packages/bot)/commit"
# The same paths as in a checkout: config/testnet.toml is read, var/ is written.
WORKDIR /app
COPY config config
RUN ln -s /var/lib/hedgebot var
ENV HEDGEBOT_TAPE__FOLDER=/var/lib/hedgebot/runs
ENV PATH=/opt/hedgebot/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
VOLUME /var/lib/hedgebot
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('HEDGEBOT_HEALTH__PORT', '8642') + '/healthz', timeout=3)"]
ENTRYPOINT ["hedgebot"]
CMD ["run", "--config", "config/testnet.toml"]
