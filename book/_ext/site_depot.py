"""Le dépôt et sa branche : ceux de _config.yml, ou ceux de la fourche qui se publie."""

import os


def repository(app):
    """Rend l'adresse https du dépôt, ou une chaîne vide."""
    if os.environ.get("D2L_FR_PUBLICATION") and os.environ.get("GITHUB_REPOSITORY"):
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        return f"{server}/{os.environ['GITHUB_REPOSITORY']}"
    return app.config.depot_configure


def branch(app):
    """La branche où un lecteur trouve les notebooks."""
    return os.environ.get("D2L_FR_BRANCHE") or app.config.branche_configuree


def setup(app):
    app.add_config_value("depot_configure", "", "html")
    app.add_config_value("branche_configuree", "main", "html")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
