# syncd as a container: docs/deploy/docker.md.
# Any image of Python 3.11 or newer that has `python3 -m venv`; the same one builds and runs.
ARG PYTHON_IMAGE=python:3.14-slim-trixie

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
COPY deploy/docker/build.lock requirements.lock ./
# The build tools get an environment of their own, which stays behind.
RUN python3 -m venv /build/tools \
 && /build/tools/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r build.lock \
 && python3 -m venv /opt/syncd \
 && /opt/syncd/bin/pip install --no-cache-dir --disable-pip-version-check --no-compile --only-binary :all: \
      --require-hashes -r requirements.lock
COPY deploy/docker/slim.sh ./
COPY pyproject.toml README.md LICENSE config.yaml schema.json seed.yaml ./
COPY templates templates
COPY docs docs
COPY syncd syncd
RUN /build/tools/bin/pip wheel --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist . \
 && /opt/syncd/bin/pip install --no-cache-dir --disable-pip-version-check --no-compile --no-index --no-deps dist/*.whl \
 && sh slim.sh /opt/syncd

FROM ${PYTHON_IMAGE}
# A test holds it equal to syncd/__init__.py: a label cannot be read from a file.
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="syncd" \
      org.opencontainers.image.description="Keeps running systems true to their configuration: Consul to Workers KV, .env files, nginx and any Jinja2 template." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# A fresh volume takes owner and mode from these folders. By hand: not every image has useradd.
RUN echo 'syncd:x:10001:10001:syncd:/var/lib/syncd:/sbin/nologin' >> /etc/passwd \
 && echo 'syncd:x:10001:' >> /etc/group \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/syncd \
 && install -d -o 10001 -g 10001 -m 0755 /srv/syncd /srv/syncd/files /srv/syncd/env /srv/syncd/result \
 && install -d -m 0755 /etc/syncd

COPY --from=build /opt/syncd /opt/syncd
COPY templates /usr/share/syncd/templates

ENV PATH=/opt/syncd/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    SYNCD_CONFIG=/etc/syncd/config.yaml
WORKDIR /var/lib/syncd
USER 10001:10001

HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["syncd", "status"]
ENTRYPOINT ["syncd"]
CMD ["run"]
