# syntax=docker/dockerfile:1
# Two stages: the wheels are built where pip is, and run where it is not needed.
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/liuke
COPY docs/requirements/prod.txt /tmp/prod.txt
RUN /opt/liuke/bin/pip install --require-hashes --only-binary=:all: -r /tmp/prod.txt
COPY manage.py /srv/liuke/
COPY config /srv/liuke/config
COPY customers /srv/liuke/customers
COPY surveys /srv/liuke/surveys
COPY loyalty /srv/liuke/loyalty
COPY retention /srv/liuke/retention
COPY locale /srv/liuke/locale
WORKDIR /srv/liuke
# Values of no worth: collecting static files opens no database and signs nothing.
RUN SECRET_KEY=collecting-static-files-signs-nothing-at-all \
    DATABASE_URL=postgres://nobody@nowhere/none \
    PUBLIC_BASE_URL=https://liuke.example.com \
    EMAIL_URL=dummymail:// \
    STATIC_ROOT=/srv/liuke/static \
    /opt/liuke/bin/python manage.py collectstatic --noinput --verbosity 0 \
 && /opt/liuke/bin/python -m compileall -q /srv/liuke

FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/liuke/bin:$PATH \
    LIUKE_VAR=/var/lib/liuke STATIC_ROOT=/srv/liuke/static PORT=8000
RUN groupadd --system --gid 10001 liuke \
 && useradd --system --uid 10001 --gid liuke --home-dir /var/lib/liuke --create-home --shell /usr/sbin/nologin liuke
# Owned by root: who runs the code cannot change it.
COPY --from=build /opt/liuke /opt/liuke
COPY --from=build /srv/liuke /srv/liuke
WORKDIR /srv/liuke
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 CMD ["python", "-m", "config.probe", "/healthz"]
# Uploads need a volume at /var/lib/liuke; everything else may be read-only but /tmp. Processes: WEB_CONCURRENCY.
CMD ["gunicorn", "config.wsgi", "--config", "python:config.gunicorn"]
