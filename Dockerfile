# The image of the reconciler; docs/image.md tells what is in it.
# A tag moves. To always build on the same bytes, name them: --build-arg PYTHON=docker.io/library/python@sha256:…
ARG PYTHON=docker.io/library/python:3.11-slim

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_NO_INPUT=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements/build.txt requirements/run.txt requirements/
# The environment has no pip: the one out here fills it, with wheels whose hashes are locked, and runs nothing of theirs.
RUN python -m venv --without-pip /opt/reconciler && \
    pip install --require-hashes --no-compile --no-deps --only-binary :all: -r requirements/build.txt && \
    pip --python /opt/reconciler/bin/python install --require-hashes --no-compile --no-deps --only-binary :all: \
        -r requirements/run.txt
COPY pyproject.toml README.md ./
COPY examples/desired-state examples/desired-state
COPY reconciler reconciler
# Bytecode that is never compared with its source: the image is read-only, and copies may change times.
RUN pip wheel --no-build-isolation --no-deps --no-index --wheel-dir dist . && \
    pip --python /opt/reconciler/bin/python install --no-compile --no-deps --no-index dist/*.whl && \
    /opt/reconciler/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/reconciler/lib

FROM ${PYTHON}
# Which versions Debian has is settled by the base image; it has no others.
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install --yes --no-install-recommends ca-certificates git openssh-client && \
    rm -rf /var/cache/apt/* /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log && \
    pip uninstall --yes --no-input --root-user-action ignore pip setuptools wheel && \
    find / -xdev -type f -perm /6000 -exec chmod a-s {} + && \
    groupadd --gid 10001 reconciler && \
    useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home --no-log-init --shell /usr/sbin/nologin reconciler && \
    install --directory --owner 10001 --group 10001 --mode 0700 /var/lib/reconciler
# The base image leaves Python's own bytecode out, which would then be made anew at each start; what pip just made goes.
RUN python -m compileall -f -q -j 0 --invalidation-mode unchecked-hash \
        -x '/(dist|site)-packages/|/(ensurepip|idlelib|lib2to3|test|tkinter|turtledemo)/' \
        "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /opt/reconciler /opt/reconciler
# As the chart has it: a read-only root, /tmp to write to, and a volume at /var/lib/reconciler for what is remembered.
ENV HOME=/tmp \
    PATH=/opt/reconciler/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_STATE_HOME=/var/lib
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["reconciler"]
CMD ["--help"]
ARG PYTHON
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title=reconciler \
      org.opencontainers.image.description="Keeps MetaDefender Distributed Clusters in the state that git describes." \
      org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.revision=${REVISION} \
      org.opencontainers.image.base.name=${PYTHON}
