"""Les renvois numérotés, sans relire la page visée à chacun d'eux.

Pour « Figure 4.1 », Sphinx déchiffre de nouveau toute la page de la figure : trois cents renvois
y passaient plus d'une minute. Une page lue sert ici à tous les renvois, qui ne font que la lire.
"""

from sphinx.domains.std import StandardDomain


class BookDomain(StandardDomain):
    """Le domaine de Sphinx, qui garde les pages qu'il a ouvertes pour un numéro."""

    def _resolve_numref_xref(self, env, *rest):
        fetch, kept = env.get_doctree, self.opened
        env.get_doctree = lambda page: (
            kept[page] if page in kept else kept.setdefault(page, fetch(page))
        )
        try:
            return super()._resolve_numref_xref(env, *rest)
        finally:
            del env.get_doctree

    @property
    def opened(self):
        """Les pages ouvertes depuis le début de l'écriture."""
        return self.env.app.opened_for_numbers


def forget(app, *args):
    app.opened_for_numbers = {}


def setup(app):
    app.add_domain(BookDomain, override=True)
    forget(app)
    app.connect("env-updated", forget)  # ce qui vient d'être relu ne vaut plus
    app.connect("build-finished", forget)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
