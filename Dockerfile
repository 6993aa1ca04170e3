# One image for every process of the connector; the command says which (see Procfile).
# The same commit gives the same image, if you name the base image by its digest and take the time from the commit:
#   docker buildx build --build-arg BASE=python:3.13-slim@sha256:… --build-arg REVISION=$(git rev-parse HEAD) \
#     --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) --output type=image,rewrite-timestamp=true .
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
ARG SOURCE_DATE_EPOCH=315532800
# Python's compiled files name no time, for SOURCE_DATE_EPOCH is set.
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONHASHSEED=0 SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH}
WORKDIR /app
RUN python -m venv /opt/venv
COPY pyproject.toml README.md LICENSE ./
# requirements.lock also pins the sandbox and the tools of development; the image holds only what runs in production.
COPY requirements-runtime.lock ./
RUN /opt/venv/bin/pip install --only-binary :all: --require-hashes -r requirements-runtime.lock
COPY config ./config
COPY tasks ./tasks
COPY workers ./workers
RUN /opt/venv/bin/pip install --no-deps .

# Everything on one machine with a simulated AWS, to try the connector (docker-compose.sandbox.yml). Never for production.
FROM build AS sandbox
COPY requirements.lock ./
RUN /opt/venv/bin/pip install --require-hashes -r requirements.lock \
    && useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin connector
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /srv
USER 10001
CMD ["aws-connector", "demo", "--keep"]

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="meshStack AWS Connector" \
      org.opencontainers.image.description="Turns the tenants people order in meshStack into configured AWS accounts" \
      org.opencontainers.image.documentation="https://docs.meshcloud.io" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --system --gid 10001 connector \
    && useradd --system --uid 10001 --gid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin connector \
    && install -d -o 10001 -m 700 /data
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv
USER 10001
EXPOSE 8080
# Of the API, which is what the image runs unless told otherwise; docker-compose.yml has those of the others.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 \
    CMD ["python", "-c", "import urllib.request as http; http.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
CMD ["aws-connector", "api"]
