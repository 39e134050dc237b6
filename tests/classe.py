"""Une classe simulée : un cours, deux petits exercices, des copies de toutes sortes."""

import json
from pathlib import Path

import nbformat

from d2l_fr.assignments.cli import main
from d2l_fr.assignments.course import Course
from d2l_fr.assignments.notebook import answer_id
from d2l_fr.exercises.checks import _namespace, _prepare

# Des exercices à l'enseignant, qui ne sont pas dans le livre : rapides, et sans variante.
OWN = '''\
## double
:titre: Le double
:genre: code
:difficulte: 1
:minutes: 5

Rendez le double de chaque valeur du tableau `x`, dans un nouveau tableau.

```python amorce
def double(x):
    """Tableau (n,) → tableau (n,)."""
    ...
```

```python solution
def double(x):
    return 2 * x
```

```python verification
def verification(compare, require, rng):
    compare(np.arange(3.0))
    compare(rng.normal(size=5))
    compare(rng.normal(size=1))
```

```python epreuve
def ordinaire(compare, require, rng):
    """2 points : un tableau ordinaire."""
    compare(rng.normal(size=rng.integers(5, 20)))


def seul(compare, require, rng):
    """1 point : un tableau d'une seule valeur."""
    compare(rng.normal(size=1))
```

```python erreurs
def carre(x):
    """C'est le carré : multipliez par deux."""
    return x * x
```

### Solution
On multiplie par deux.

## total
:titre: Le total
:genre: code
:difficulte: 1
:minutes: 5

Rendez la somme des nombres d'une liste, qui peut être vide.

```python amorce
def total(numbers):
    """Liste de nombres → un nombre."""
    ...
```

```python solution
def total(numbers):
    return sum(numbers)
```

```python verification
def verification(compare, require, rng):
    compare([1.0, 2.0])
    compare([5.0])
    compare([])
```

```python epreuve
def ordinaire(compare, require, rng):
    """2 points : une liste ordinaire."""
    compare(rng.normal(size=8).tolist())


def vide(compare, require, rng):
    """1 point : une liste vide."""
    compare([])
```

```python erreurs
def moyenne(numbers):
    """C'est la moyenne : ne divisez pas."""
    return sum(numbers) / max(1, len(numbers))
```

### Solution
On additionne.

## pourquoi
:titre: Pourquoi ?
:genre: reflexion
:difficulte: 1
:minutes: 5

Pourquoi la somme d'une liste vide vaut-elle zéro ?

### Solution
Parce que zéro ne change rien à une somme.

### Barème
- 1 point : zéro est l'élément neutre.
- 1 point : la somme de deux listes mises bout à bout est la somme des sommes.
- 1 point : un exemple.
'''
RIGHT = {
    "essai.double": "def double(x):\n    return x + x\n",
    "essai.total": "def total(numbers):\n    return sum(numbers)\n",
}


def own_course(root, name="essai-1", exercises=("essai.double", "essai.total"), **options):
    """Un cours à deux exercices ; rend le cours et le devoir."""
    folder = Path(root) / "exercices"
    folder.mkdir(parents=True)
    (folder / "essai.md").write_text(OWN, "utf-8")
    return created(root, name, "--exercices", *exercises, **options)


def created(root, name, *arguments, seed="une phrase que personne ne devine"):
    """Crée un devoir par la commande ; rend le cours et le devoir."""
    assert run("creer", name, *arguments, "--graine", seed, root=root) == 0
    course = Course(root)
    return course, course.load(name)


def run(action, *arguments, root):
    """Lance ``d2l-fr devoir`` dans ce processus ; rend le code de sortie."""
    return main(["devoir", action, *(str(a) for a in arguments), "--cours", str(root)])


def handed_out(course, assignment, student=""):
    """Le notebook que reçoit l'élève."""
    folder = (
        course.root / "distribution" / assignment.name / student
        if assignment.per_student
        else course.root / "release" / assignment.name
    )
    return nbformat.read(folder / f"{assignment.name}.ipynb", 4)


def fill(notebook, assignment, answers):
    """Écrit des réponses (exercice → texte) dans un notebook."""
    by_id = {c.metadata.get("nbgrader", {}).get("grade_id"): c for c in notebook.cells}
    for exercise in assignment.exercises:
        if exercise.identifier in answers:
            by_id[answer_id(exercise)].source = answers[exercise.identifier]
    return notebook


def hand_in(course, assignment, student, notebook, file=None):
    """Rend un notebook (ou du texte, ou des octets) ; rend son chemin."""
    folder = course.submission(student, assignment.name)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (file or f"{assignment.name}.ipynb")
    if isinstance(notebook, bytes):
        path.write_bytes(notebook)
    else:
        text = notebook if isinstance(notebook, str) else nbformat.writes(notebook)
        path.write_text(text, "utf-8")
    return path


def submit(course, assignment, student, answers, **options):
    """Reçoit le devoir, y répond, le rend."""
    notebook = fill(handed_out(course, assignment, student), assignment, answers)
    return hand_in(course, assignment, student, notebook, **options)


def expected_source(assignment, exercise, student=""):
    """Le code de la réponse attendue, variante comprise."""
    source = exercise.solution
    if variant := assignment.draw(exercise, student).variant:
        name = exercise.answer_name
        source += f"\n\n\n{exercise.variants}\n\n\n{name} = {variant}({name})"
    return source


def mistaken_source(assignment, exercise, student, place=0):
    """Le code d'une faute usuelle, transformée par la variante ; et la fonction elle-même."""
    variant = assignment.draw(exercise, student).variant
    mistakes = _prepare(exercise, variant)[2]
    book = 1 if variant else 0  # la première « faute » d'une variante est la solution du livre
    function, hint = mistakes[book + place]
    namespace = _namespace()
    exec(exercise.solution, namespace)
    names = _defined(exercise.mistakes)
    code = f"{exercise.solution}\n\n\n{exercise.mistakes}\n\n\n"
    if variant:
        code += f"{exercise.variants}\n\n\n{exercise.answer_name} = {variant}({names[place]})"
    else:
        code += f"{exercise.answer_name} = {names[place]}"
    return code, function, hint


def _defined(code):
    import ast

    return [node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]


def verdict(course, assignment, student):
    """Le verdict gardé pour un élève, un dictionnaire."""
    path = course.private / "verdicts" / assignment.name / f"{student}.json"
    return json.loads(path.read_text("utf-8"))


def points(course, assignment, student):
    """Exercice → points, d'après le verdict."""
    marks = verdict(course, assignment, student)["marks"]
    return {name: sum(mark["earned"] for mark in found) for name, found in marks.items()}


def recorded(course, assignment):
    """Élève → note, d'après le carnet de nbgrader."""
    from d2l_fr.assignments.gradebook import open_gradebook

    with open_gradebook(course) as gradebook:
        return {
            submission.student.id: submission.score
            for submission in gradebook.assignment_submissions(assignment.name)
        }
