"""Ce que les pages disent au livre : des nombres qui passent du calcul à la prose."""

__all__ = ["glue"]


def glue(name: str, value: object) -> None:
    """Donne à la prose de la page un nombre (ou un texte) issu du calcul.

    Le rôle ``{glue:text}`` du même nom l'affiche à la construction du livre ; dans un
    notebook ou un script, l'appel ne fait rien de visible. C'est le mécanisme de
    ``myst_nb.glue``, sans la dépendance : un lecteur sur Colab n'a pas myst-nb.
    Paramètres : ``name``, l'étiquette ; ``value``, une chaîne (voir ``d2l.fr``) ou un nombre.
    Lève ``TypeError`` pour un nom qui n'est pas une chaîne. Page : sequence.
    """
    if not isinstance(name, str):
        raise TypeError(
            f"Le nom d'un nombre glissé dans la prose est une chaîne ; reçu : {name!r}."
        )
    try:
        from IPython.display import publish_display_data
    except ModuleNotFoundError:
        return
    prefix = "application/papermill.record/"
    publish_display_data(
        {prefix + "text/plain": repr(str(value))},  # entre guillemets : « 0,5 » n'est pas un couple
        metadata={"scrapbook": {"name": name, "mime_prefix": prefix}},
    )
