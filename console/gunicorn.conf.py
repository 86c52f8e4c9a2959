"""How gunicorn runs the console; `manage.py up` and `run web` add where it listens and with how many processes.

Django and our settings are loaded by the workers alone, so that a reload (HUP) takes new code.
"""

import os
import runpy
from pathlib import Path

wsgi_app = "console.wsgi"
worker_class = "gthread"
timeout = 120
graceful_timeout = 30
keepalive = 75
# Whose forwarding headers count is decided by console.middleware.TrustedProxies.
forwarded_allow_ips = ""
control_socket_disable = True
logconfig_dict = runpy.run_path(str(Path(__file__).with_name("logs.py")))["logging_config"](
    os.environ.get("MODELPORT_LOG_FORMAT", "").strip() or "line",
    os.environ.get("MODELPORT_LOG_LEVEL", "").strip() or "WARNING",
)
