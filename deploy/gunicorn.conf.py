"""gunicorn for a hospital's own machine: `gunicorn -c deploy/gunicorn.conf.py wsgi:app`.  The scheduler runs apart (`flask worker`)."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from ticketing.web.logs import FOR_GUNICORN

bind = os.environ.get("BIND", "unix:/run/redress/web.sock")
workers = int(os.environ.get("WEB_PROCESSES", "1"))  # more than one needs PostgreSQL; config.py refuses it on SQLite
threads = 4
worker_class = "gthread"
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - a heartbeat file, kept off the disk
max_requests = 5000
max_requests_jitter = 500
timeout = 60
graceful_timeout = 30
keepalive = 5
limit_request_line = 4094
limit_request_fields = 60
accesslog = None  # the program logs each request by its endpoint; a path may hold a secret
errorlog = "-"
logconfig_dict = FOR_GUNICORN  # JSON lines like the program's own: a request that cannot be read stands in none of them
