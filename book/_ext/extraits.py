"""Le code d'une cellule, abrégé pour une diapositive : ce qui est l'idée, et rien d'autre."""

import ast
import textwrap


class ExcerptError(ValueError):
    """Le nom demandé n'est pas défini dans la cellule."""


def _find(tree, name):
    """La définition d'une fonction, d'une classe ou d'une méthode (``Classe.methode``)."""
    node = tree
    for part in name.split("."):
        found = [child for child in node.body if getattr(child, "name", None) == part]
        if not found:
            raise ExcerptError(f"« {name} » n'est pas défini dans cette cellule")
        node = found[0]
    return node


def _is_guard(node):
    """Vrai d'une vérification : ``if …: raise …``, ou un appel à ``check_count``."""
    if isinstance(node, ast.If):
        return not node.orelse and all(isinstance(child, ast.Raise) for child in node.body)
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and getattr(call.func, "id", "") == "check_count"


def _is_docstring(node):
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _dropped(node):
    """Les numéros des lignes que l'abrégé laisse de côté."""
    for child in ast.walk(node):
        if isinstance(child, ast.stmt) and (_is_docstring(child) or _is_guard(child)):
            yield from range(child.lineno, child.end_lineno + 1)


def _unused(node, skip):
    """Les lignes des affectations dont plus rien ne se sert, une fois le reste ôté."""
    kept = [n for n in ast.walk(node) if getattr(n, "lineno", 0) not in skip]
    read = {n.id for n in kept if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    for child in kept:
        if isinstance(child, ast.Assign) and all(
            isinstance(t, ast.Name) and t.id not in read for t in child.targets
        ):
            yield from range(child.lineno, child.end_lineno + 1)


def excerpt(source, names=""):
    """Le code des définitions ``names``, sans docstring ni vérification ; sans nom, tout.

    Plusieurs noms se séparent par des virgules ; une affectation devenue inutile s'en va. Lève
    ``ExcerptError`` pour un nom absent.
    """
    lines = source.split("\n")
    if not names:
        return "\n".join(line for line in lines if line.strip() != "#@save").strip("\n")
    tree, parts = ast.parse(source), []
    for name in map(str.strip, names.split(",")):
        node = _find(tree, name)
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        skip = set(_dropped(node))
        if isinstance(node, ast.FunctionDef):
            skip |= set(_unused(node, skip))
        kept = [lines[n - 1] for n in range(first, node.end_lineno + 1) if n not in skip]
        parts.append(textwrap.dedent("\n".join(line for line in kept if line.strip())))
    return "\n\n".join(parts)
