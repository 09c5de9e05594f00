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
    /opt/liuke/bin/python manage.py collectstatic --noinput --verbosity 0

FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/liuke/bin:$PATH \
    LIUKE_VAR=/var/lib/liuke STATIC_ROOT=/srv/liuke/static PORT=8000
RUN groupadd --system --gid 10001 liuke \
 && useradd --system --uid 10001 --gid liuke --home-dir /var/lib/liuke --create-home --shell /usr/sbin/nologin liuke
COPY --from=build /opt/liuke /opt/liuke
COPY --from=build /srv/liuke /srv/liuke
WORKDIR /srv/liuke
USER liuke
VOLUME /var/lib/liuke
EXPOSE 8000
# Asked with the public host name: any other is refused.
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s CMD ["python", "-c", \
  "import os, urllib.request as u, urllib.parse as p; u.urlopen(u.Request('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', headers={'Host': p.urlsplit(os.environ['PUBLIC_BASE_URL']).hostname}), timeout=2)"]
# No access log here: it belongs to the proxy, and addresses may hold tokens. Workers: WEB_CONCURRENCY.
CMD ["sh", "-c", "exec gunicorn config.wsgi --bind 0.0.0.0:$PORT --workers ${WEB_CONCURRENCY:-4} --max-requests 10000 --max-requests-jitter 1000"]
