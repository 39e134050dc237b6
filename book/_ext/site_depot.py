"""L'adresse du dépôt : _config.yml, ou celle que fournit la publication d'une fourche."""

import os


def repository(app):
    """Rend l'adresse https du dépôt, ou une chaîne vide."""
    if os.environ.get("D2L_FR_PUBLICATION") and os.environ.get("GITHUB_REPOSITORY"):
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        return f"{server}/{os.environ['GITHUB_REPOSITORY']}"
    return app.config.depot_configure
