"""Un petit hub, sans privilège : un seul compte du système, un dossier personnel par utilisateur.

Tout vient de variables d'environnement, que pose tests/test_jupyterhub.py.
"""

import os
from pathlib import Path

folder = Path(os.environ["D2L_HUB"])
ports = [int(port) for port in os.environ["D2L_HUB_PORTS"].split()]

c = get_config()  # noqa: F821

c.JupyterHub.bind_url = f"http://127.0.0.1:{ports[0]}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{ports[1]}"
c.JupyterHub.db_url = f"sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = str(folder / "cookie")
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{ports[2]}"
c.ConfigurableHTTPProxy.command = os.environ["D2L_HUB_PROXY"].split("\n")
c.ConfigurableHTTPProxy.pid_file = str(folder / "proxy.pid")

c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = os.environ["D2L_HUB_PASSWORD"]
c.Authenticator.allowed_users = set(os.environ["D2L_HUB_USERS"].split())

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(folder / "home" / "{username}")
c.Spawner.cmd = [str(Path(os.environ["D2L_HUB_BIN"]) / "jupyterhub-singleuser")]
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
# Dans un conteneur de test, on est souvent root.
c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []
c.Spawner.env_keep = ["PATH", "LANG", "LC_ALL", "PYTHONPATH", "D2L_HUB"]
c.Spawner.environment = {
    "JUPYTER_CONFIG_PATH": str(folder / "etc"),  # à la place de /etc/jupyter
    "OMP_NUM_THREADS": "1",
}
