"""Un devoir de bout en bout : trente copies, de la création aux notes, au point près."""

import csv
import json
import signal
import stat
import subprocess
import sys
import time
import zipfile

import nbformat
import pytest
from openpyxl import load_workbook

from classe import (
    RIGHT,
    created,
    expected_source,
    fill,
    hand_in,
    handed_out,
    mistaken_source,
    own_course,
    points,
    recorded,
    run,
    submit,
    verdict,
)
from conftest import ROOT
from d2l_fr.assignments.course import CourseError, read_students, ready_made
from d2l_fr.assignments.feedback import sentence
from d2l_fr.assignments.gradebook import open_gradebook
from d2l_fr.assignments.notebook import amount, answer_id, mark_id, variant_text
from d2l_fr.exercises.checks import grade
from d2l_fr.exercises.source import load_exercise
from d2l_fr.french import prose

pytestmark = pytest.mark.usefixtures("bubblewrap")

STUDENTS = [f"e{number:02}" for number in range(1, 31)]
QUESTION = "text-sequence.minuscules"


def in_old_format(notebook):
    """Le même notebook au format 3, comme l'écrirait un très vieux Jupyter."""
    old = nbformat.convert(notebook, 3)
    return nbformat.writes(old, version=3)


def scattered(notebook, assignment):
    """La même réponse, éparpillée : magies, cellules ajoutées, affichages, sorties."""
    for cell in list(notebook.cells):
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "preparation":
            place = notebook.cells.index(cell) + 1
    extra = [
        "%matplotlib inline\n!ls\nprint('bonjour' * 1000)",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()",
        "raise ValueError('une cellule qui échoue')",
        "input('attend une réponse')",
        "1 +",
    ]
    notebook.cells[place:place] = [nbformat.v4.new_code_cell(source) for source in extra]
    return notebook


@pytest.fixture(scope="module")
def class_of_30(tmp_path_factory):
    """Trente élèves, chacun son devoir ; et leurs points attendus, calculés ici, sans isolation."""
    root = tmp_path_factory.mktemp("classe")
    rows = ["identifiant;nom;prénom;courriel"]
    rows += [f"{s};Nom{s};=Prénom;{s}@exemple.fr" for s in STUDENTS]
    (root / "liste.csv").write_text("\n".join(rows), "utf-8-sig")
    course, assignment = created(root, "semaine-1", "--par-etudiant", root / "liste.csv")
    code = assignment.code
    expected = {}
    for number, student in enumerate(STUDENTS):
        full = {e.identifier: expected_source(assignment, e, student) for e in code}
        expected[student] = {e.identifier: e.points for e in code}
        kind = number % 10
        if kind in (0, 1, 2):  # trois façons d'avoir juste
            full[QUESTION] = "Oui pour *chercher*, non pour écrire."
            notebook = fill(handed_out(course, assignment, student), assignment, full)
            if kind == 1:
                scattered(notebook, assignment)
            if kind == 2:
                hand_in(
                    course, assignment, student, in_old_format(notebook), file="Copie (1).ipynb"
                )
            else:
                hand_in(course, assignment, student, notebook)
        elif kind in (3, 4, 5):  # une faute usuelle dans chaque exercice
            for exercise in code:
                place = kind - 3
                source, function, _ = mistaken_source(assignment, exercise, student, place)
                full[exercise.identifier] = source
                draw = assignment.draw(exercise, student)
                marks = grade(exercise, function, draw.exam, draw.variant)
                expected[student][exercise.identifier] = sum(c.points for c, r in marks if r)
            submit(course, assignment, student, full)
        elif kind == 6:  # la moitié des réponses
            done = {e.identifier: full[e.identifier] for e in code[: len(code) // 2]}
            expected[student] |= {e.identifier: 0 for e in code[len(code) // 2 :]}
            submit(course, assignment, student, done)
        elif kind == 7:  # la solution du livre, recopiée
            submit(course, assignment, student, {e.identifier: e.solution for e in code})
            expected[student] = dict.fromkeys(expected[student], 0)
        elif kind == 8:  # la copie du voisin d'avant, dont le devoir n'est pas le même
            neighbour = STUDENTS[number - 8]
            copied = {e.identifier: expected_source(assignment, e, neighbour) for e in code}
            for exercise in code:
                same = assignment.draw(exercise, neighbour).variant
                if same != assignment.draw(exercise, student).variant:
                    expected[student][exercise.identifier] = 0
            submit(course, assignment, student, copied)
        elif number == 9:  # vide, tronquée, et rien du tout
            hand_in(course, assignment, student, "")
            expected[student] = dict.fromkeys(expected[student], 0)
        elif number == 19:
            text = nbformat.writes(handed_out(course, assignment, student))
            hand_in(course, assignment, student, text[: len(text) // 2])
            expected[student] = dict.fromkeys(expected[student], 0)
        else:
            del expected[student]
    assert run("corriger", "semaine-1", root=root) == 0
    return course, assignment, expected


def test_each_student_has_a_different_assignment(class_of_30):
    course, assignment, _ = class_of_30
    texts = {nbformat.writes(handed_out(course, assignment, s)) for s in STUDENTS}
    assert len(texts) == len(STUDENTS)
    for exercise in assignment.code:
        assert len({assignment.draw(exercise, s).variant for s in STUDENTS}) == 3


def test_the_marks_are_those_expected_to_the_point(class_of_30):
    course, assignment, expected = class_of_30
    assert {s: points(course, assignment, s) for s in expected} == expected
    totals = {s: sum(marks.values()) for s, marks in expected.items()}
    # Les questions ouvertes attendent un lecteur : elles ne comptent pas encore.
    assert recorded(course, assignment) == totals
    assert max(totals.values()) == 16
    assert min(totals.values()) == 0
    assert len(set(totals.values())) > 4


def test_a_half_is_a_half(class_of_30):
    course, assignment, _ = class_of_30
    assert sum(points(course, assignment, STUDENTS[6]).values()) == 8


def test_unreadable_copies_are_named(class_of_30):
    course, assignment, _ = class_of_30
    assert "vide" in verdict(course, assignment, "e10")["problem"]
    assert "tronqué" in verdict(course, assignment, "e20")["problem"]
    assert "renommé" in verdict(course, assignment, "e03")["remarks"][0]
    assert "format" in verdict(course, assignment, "e03")["remarks"][1]


def test_the_hint_of_a_usual_mistake_reaches_the_student(class_of_30):
    course, assignment, _ = class_of_30
    seen = 0
    for number, student in enumerate(STUDENTS):
        if number % 10 not in (3, 4, 5):
            continue
        for exercise in assignment.code:
            hint = mistaken_source(assignment, exercise, student, number % 10 - 3)[2]
            said = [m["message"] for m in verdict(course, assignment, student)["marks"][
                exercise.identifier]]  # fmt: skip
            seen += any(hint == message for message in said)
    assert seen >= 30


def test_the_feedback_says_what_failed_without_the_hidden_checks(class_of_30, browser):
    course, assignment, _ = class_of_30
    for student in ("e01", "e04", "e08", "e10"):
        page = course.root / "feedback" / student / "semaine-1" / "semaine-1.html"
        text = page.read_text("utf-8")
        for marks in verdict(course, assignment, student)["marks"].values():
            for mark in marks:
                assert mark["detail"] == "Juste." or "entrée (" not in text
        for exercise in assignment.code:
            assert exercise.hidden_checks.splitlines()[2].strip() not in text
    with browser.new_context(viewport={"width": 360, "height": 800}) as context:
        tab = context.new_page()
        tab.goto(page.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= 360
        assert "n'a pas pu être lue" in tab.inner_text("main").replace("\u2019", "'")


def marked_copy(course, student, name="semaine-1"):
    """Le texte de la copie annotée, que lit le correcteur."""
    path = course.root / "autograded" / student / name / f"{name}.ipynb"
    return "\n".join(cell.source for cell in nbformat.read(path, 4).cells)


def test_the_marker_reads_the_statement_that_the_student_read(class_of_30):
    course, assignment, _ = class_of_30
    for student in ("e01", "e02", "e07"):
        text = marked_copy(course, student)
        for exercise in assignment.code:
            variant = assignment.draw(exercise, student).variant
            assert prose(variant_text(exercise, variant)) in text


def test_the_hand_marks_and_the_files_for_moodle(class_of_30):
    course, assignment, expected = class_of_30
    assert run("notes", "semaine-1", root=course.root) == 0
    given = {"e01": 4, "e02": 2.5, "e03": 0}
    by_name = {e.identifier: e for e in assignment.exercises}
    with open_gradebook(course) as gradebook:
        for student, mark in given.items():
            cell = mark_id(by_name[QUESTION])
            found = gradebook.find_grade(cell, "semaine-1", "semaine-1", student)
            found.manual_score, found.needs_manual_grade = mark, False
            comment = gradebook.find_comment(cell, "semaine-1", "semaine-1", student)
            comment.manual_comment = "Bien vu <b>"
            assert "Barème" in marked_copy(course, student)
        gradebook.db.commit()
    folder = course.root / "notes" / "semaine-1"
    assert run("notes", "semaine-1", "--sur", 20, root=course.root) == 0
    rows = csv.DictReader((folder / "moodle.csv").read_text("utf-8").splitlines())
    final = {row["Numéro d'identification"] for row in rows}
    # Ni les questions encore à lire, ni les copies illisibles : seulement ce qui est acquis.
    waiting = {"e11", "e12", "e13", "e21", "e22", "e23"}
    assert final == set(expected) - waiting - {"e10", "e20"}
    assert run("notes", "semaine-1", "--sur", 20, "--tout", root=course.root) == 0
    rows = list(csv.DictReader((folder / "moodle.csv").read_text("utf-8").splitlines()))
    marks = {row["Numéro d'identification"]: float(row[assignment.title]) for row in rows}
    totals = {s: sum(m.values()) + given.get(s, 0) for s, m in expected.items()}
    assert assignment.points == 20
    assert marks == totals
    assert rows[0]["Adresse de courriel"] == "e01@exemple.fr"
    book = load_workbook(folder / "notes.xlsx")
    sheet = book["Notes"]
    lines = {row[0]: row for row in sheet.iter_rows(min_row=2, values_only=True)}
    assert lines["e02"][-3:-1] == (18.5, 18.5)
    assert lines["e30"][-1] == "rien rendu"
    assert lines["e01"][2] == "=Prénom"
    assert sheet.cell(2, 3).data_type == "s"  # et non une formule
    assert any("Avec l'entrée" in str(row[3].value) for row in book["Détail"].iter_rows(min_row=2))
    assert (folder / "repartition.png").read_bytes()[:4] == b"\x89PNG"
    summary = (folder / "bilan.html").read_text("utf-8")
    assert "Ce qui a manqué le plus" in summary
    assert "C’est la solution du livre" in summary
    page = (course.root / "feedback" / "e02" / "semaine-1" / "semaine-1.html").read_text("utf-8")
    assert "18,5 sur 20" in page
    assert "Bien vu &lt;b&gt;" in page


def test_grading_again_keeps_what_still_holds_and_nothing_else(class_of_30):
    course, assignment, _ = class_of_30
    before = recorded(course, assignment)
    path = course.private / "verdicts" / "semaine-1" / "e04.json"
    stamp = path.stat().st_mtime_ns
    # e02 rend autre chose : ses points, et la note que le lecteur avait donnée, tombent.
    submit(course, assignment, "e02", {QUESTION: "Autre chose."})
    # e05 rend une copie qui ne se lit plus ; e06 retire la sienne.
    hand_in(course, assignment, "e05", "{")
    (course.submission("e06", "semaine-1") / "semaine-1.ipynb").unlink()
    course.submission("e06", "semaine-1").rmdir()
    assert run("notes", "semaine-1", root=course.root) == 2  # d'abord, corriger
    assert run("corriger", "semaine-1", root=course.root) == 0
    after = recorded(course, assignment)
    assert path.stat().st_mtime_ns == stamp  # une copie inchangée n'est pas corrigée de nouveau
    assert after == {s: m for s, m in before.items() if s != "e06"} | {"e02": 0, "e05": 0}
    with open_gradebook(course) as gradebook:
        cell = mark_id(next(e for e in assignment.exercises if e.identifier == QUESTION))
        assert gradebook.find_grade(cell, "semaine-1", "semaine-1", "e02").needs_manual_grade
        assert gradebook.find_comment(cell, "semaine-1", "semaine-1", "e02").manual_comment is None
        assert gradebook.find_grade(cell, "semaine-1", "semaine-1", "e01").manual_score == 4


def test_a_student_who_comes_late_gets_the_assignment(class_of_30, tmp_path, capsys):
    course, assignment, _ = class_of_30
    before = {s: nbformat.writes(handed_out(course, assignment, s)) for s in STUDENTS}
    (tmp_path / "liste.csv").write_text("identifiant;nom\ne31;Tard\ne01;Autrenom\n", "utf-8")
    assert run("inscrire", "semaine-1", tmp_path / "liste.csv", root=course.root) == 0
    assert "1 élève ajouté, 1 inscrit avant" in capsys.readouterr().out
    assert {s: nbformat.writes(handed_out(course, assignment, s)) for s in STUDENTS} == before
    assert len(handed_out(course, assignment, "e31").cells) > 10
    assert len(course.load("semaine-1").students) == 31
    assert run("notes", "semaine-1", root=course.root) == 0  # rien n'est à corriger de nouveau


# ---------- reprendre


def test_a_killed_run_is_resumed_without_losing_or_doubling_a_mark(tmp_path):
    course, assignment = own_course(tmp_path / "cours")
    for number in range(8):
        submit(course, assignment, f"e{number}", RIGHT)
    folder = course.private / "verdicts" / "essai-1"
    command = [sys.executable, "-m", "d2l_fr.assignments.cli", "devoir", "corriger", "essai-1"]
    command += ["--cours", str(course.root), "--coeurs", "2"]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(folder.glob("e*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.wait()
    done = {path.name: path.stat().st_mtime_ns for path in folder.glob("e*.json")}
    assert 2 <= len(done) < 8
    assert run("corriger", "essai-1", root=course.root) == 0
    for name, stamp in done.items():
        assert (folder / name).stat().st_mtime_ns == stamp
    assert recorded(course, assignment) == {f"e{number}": 6 for number in range(8)}


def test_a_run_killed_while_it_writes_the_gradebook_is_resumed(tmp_path, monkeypatch):
    from d2l_fr.assignments import gradebook

    course, assignment = own_course(tmp_path / "cours")
    for number in range(3):
        submit(course, assignment, f"e{number}", RIGHT)
    complete, calls = gradebook._complete, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return complete(*arguments)

    monkeypatch.setattr(gradebook, "_complete", interrupted)
    assert run("corriger", "essai-1", root=course.root) == 130
    assert run("notes", "essai-1", root=course.root) == 2  # une copie n'est pas enregistrée
    monkeypatch.setattr(gradebook, "_complete", complete)
    assert run("corriger", "essai-1", root=course.root) == 0
    assert recorded(course, assignment) == {"e0": 6, "e1": 6, "e2": 6}


def test_a_fault_of_the_grader_gives_no_mark_rather_than_a_zero(tmp_path, monkeypatch, capsys):
    from d2l_fr.assignments import grading

    course, assignment = own_course(tmp_path / "cours")
    for student in ("ada", "zoe"):
        submit(course, assignment, student, RIGHT)
    right = grading.Grader.grade

    def broken(self, student):
        if student == "ada":
            raise OSError("plus de place")
        return right(self, student)

    monkeypatch.setattr(grading.Grader, "grade", broken)
    assert run("corriger", "essai-1", root=course.root) == 1
    assert "ada : pas de note (OSError : plus de place)" in capsys.readouterr().err
    assert recorded(course, assignment) == {"zoe": 6}


# ---------- isoler


def test_nbgrader_alone_does_not_run_the_code_of_students(tmp_path):
    course, assignment = own_course(tmp_path / "cours")
    trap = f"open({str(tmp_path / 'execute')!r}, 'w')\n"
    submit(course, assignment, "ada", {"essai.double": trap})
    command = [sys.executable, "-m", "nbgrader", "autograde", "essai-1"]
    done = subprocess.run(command, cwd=course.root, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "d2l-fr devoir corriger" in done.stdout + done.stderr
    assert not (tmp_path / "execute").exists()


def test_without_bubblewrap_grading_refuses_and_says_the_risk(tmp_path, monkeypatch, capsys):
    from d2l_fr.assignments import sandbox

    course, assignment = own_course(tmp_path / "cours")
    submit(course, assignment, "ada", RIGHT)
    monkeypatch.setattr(sandbox, "_bubblewrap", lambda: None)
    assert run("corriger", "essai-1", root=course.root) == 2
    said = capsys.readouterr().err
    assert "bubblewrap" in said
    assert "vos droits" in said
    assert "--sans-isolation" in said
    assert run("corriger", "essai-1", "--sans-isolation", root=course.root) == 0
    assert "vos droits" in capsys.readouterr().err
    assert recorded(course, assignment) == {"ada": 6}


# ---------- créer


def test_nothing_secret_is_in_what_students_receive(tmp_path):
    course, assignment = created(tmp_path, "semaine-2")
    text = nbformat.writes(handed_out(course, assignment))
    assert assignment.seed not in text
    for exercise in assignment.code:
        variant = assignment.draw(exercise).variant
        assert variant not in text
        assert exercise.solution.splitlines()[-1].strip() not in text
        assert exercise.hidden_checks.splitlines()[-1].strip() not in text
    assert course.private.stat().st_mode & 0o077 == 0
    assert course.spec_path("semaine-2").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["semaine-1", "semaine-2", "semaine-3"])
def test_the_ready_made_assignments_are_timed_and_marked(tmp_path, name):
    course, assignment = created(tmp_path, name)
    assert 60 <= assignment.minutes <= 100
    assert 20 <= assignment.points <= 24
    notebook = handed_out(course, assignment)
    nbformat.validate(notebook)
    text = "\n".join(cell.source for cell in notebook.cells)
    assert "{" + "eq}" not in text
    assert f"{assignment.minutes} minutes" in text
    for exercise in assignment.exercises:
        assert prose(exercise.title) in text
        if exercise.hidden_checks:
            for criterion in exercise.criteria:
                assert f"- {prose(criterion.text)} *({amount(criterion.points)})*" in text
        else:  # la grille d'une question est pour celui qui note
            assert prose(exercise.criteria[0].text) not in text


def test_no_statement_keeps_a_role_of_the_book():
    import re

    from d2l_fr.assignments.notebook import statement
    from d2l_fr.exercises.source import load_exercises, sections

    for section in sections():
        for exercise in load_exercises(section).values():
            if exercise.criteria:
                for variant in [None, *exercise.variant_names]:
                    text = statement(exercise, 1, variant)
                    assert not re.search(r"\{[a-z:]+\}`|\(eq-", text), text


def test_the_same_seed_draws_the_same_assignment_and_another_seed_another(tmp_path):
    texts = []
    for number, seed in enumerate(["graine numéro un", "graine numéro un", "graine numéro deux"]):
        course, assignment = created(tmp_path / str(number), "semaine-3", seed=seed)
        texts.append(nbformat.writes(handed_out(course, assignment)))
    assert texts[0] == texts[1] != texts[2]


def test_the_handed_out_notebook_runs_and_judges_the_examples(tmp_path):
    from nbclient import NotebookClient

    course, assignment = created(tmp_path, "semaine-1")
    first, second, *_ = assignment.code
    answers = {
        first.identifier: expected_source(assignment, first),
        second.identifier: second.solution,
    }
    notebook = fill(handed_out(course, assignment), assignment, answers)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    said = {
        cell.metadata.nbgrader.grade_id: cell.outputs[0]["data"]["text/plain"]
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.outputs
    }
    assert "✓" in said[mark_id(first)]
    assert "exemples" in said[mark_id(first)]
    assert "✗" in said[mark_id(second)]
    assert "None" in said[mark_id(assignment.code[2])]


def test_the_answer_key_is_right(tmp_path):
    course, assignment = created(tmp_path, "semaine-3")
    key = nbformat.read(course.root / "corriges" / "semaine-3" / "semaine-3.ipynb", 4)
    hand_in(course, assignment, "corrige", key)
    assert run("corriger", "semaine-3", root=tmp_path) == 0
    assert recorded(course, assignment)["corrige"] == sum(e.points for e in assignment.code)
    question = assignment.questions[0]
    cell = next(c for c in key.cells if c.metadata.nbgrader.grade_id == answer_id(question))
    assert "Barème" in cell.source


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Semaine 1"], "ne peut pas nommer un devoir"),
        (["mon-devoir"], "n'est pas un devoir tout prêt"),
        (["d", "--exercices", "sequence.fenetre"], "Vouliez-vous dire « sequence.fenetres »"),
        (["d", "--exercices", "sequence.taches"], "ni épreuves ni barème"),
        (["d", "--exercices", "sequence.fenetres", "sequence.fenetres"], "demandé deux fois"),
        (["semaine-1", "--par-etudiant", "absente.csv"], "absente.csv ne se lit pas"),
    ],
)
def test_a_mistaken_order_is_explained(tmp_path, arguments, said, capsys):
    assert run("creer", *arguments, root=tmp_path) == 2
    assert said in capsys.readouterr().err


def test_an_assignment_is_not_replaced_by_accident(tmp_path, capsys):
    course, _ = own_course(tmp_path / "cours")
    again = ["creer", "essai-1", "--exercices", "essai.double"]
    assert run(*again, root=course.root) == 2
    assert "existe déjà" in capsys.readouterr().err
    assert run(*again, "--remplacer", root=course.root) == 0
    submit(course, course.load("essai-1"), "ada", RIGHT)
    assert run(*again, "--remplacer", root=course.root) == 2
    assert "est déjà rendu" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "est vide"),
        ("nom;prénom\na;b\n", "aucune colonne « identifiant »"),
        ("identifiant\n../pirate\n", "ne peut pas nommer un dossier"),
        ("identifiant\nada\nADA\n", "paraît deux fois"),
        ("identifiant\n", "ne contient aucun élève"),
    ],
)
def test_a_bad_list_of_students_is_refused(tmp_path, text, said):
    path = tmp_path / "liste.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(CourseError, match=said):
        read_students(path)


def test_a_list_exported_by_moodle_is_read(tmp_path):
    path = tmp_path / "liste.csv"
    path.write_text(
        "Prénom,Nom de famille,Numéro d\u2019identification,Adresse de courriel\n"
        "Zoé,Martin,z.martin,z@exemple.fr\n",
        "utf-8-sig",
    )
    (student,) = read_students(path)
    assert (student.id, student.first_name, student.email) == ("z.martin", "Zoé", "z@exemple.fr")


def test_the_commands_and_their_errors_are_in_french(capsys):
    from d2l_fr.assignments.cli import main

    for arguments in (["devoir", "creer", "-h"], ["devoir", "corriger"], ["devoir", "x"]):
        with pytest.raises(SystemExit):
            main(arguments)
    said = "".join(capsys.readouterr())
    for english in ("usage", "required", "arguments are", "show this", "invalid", "optional"):
        assert english not in said, said


def test_the_list_shows_what_can_be_assigned(tmp_path, capsys):
    own_course(tmp_path / "cours")
    capsys.readouterr()
    assert run("lister", root=tmp_path / "cours") == 0
    said = capsys.readouterr().out
    for expected in ("sequence.fenetres", "semaine-3", "essai-1", "text-sequence.minuscules"):
        assert expected in said


def test_the_verdict_is_plain_json(class_of_30):
    course, _, _ = class_of_30
    data = json.loads((course.private / "verdicts" / "semaine-1" / "e01.json").read_text("utf-8"))
    assert data["student"] == "e01"
    assert data["memory"] > 50_000_000


def test_the_guide_gives_the_marking_schemes_as_they_are(tmp_path):
    text = (ROOT / "book" / "devoirs.md").read_text("utf-8")
    for name, ready in ready_made().items():
        part = text.partition(f"### `{name}` : ")[2].partition("\n## ")[0].partition("\n### ")[0]
        exercises = [load_exercise(identifier) for identifier in ready["exercices"]]
        total, minutes = sum(e.points for e in exercises), sum(e.minutes for e in exercises)
        assert f"{minutes} minutes, {total} points." in part
        lines = [line for line in part.splitlines() if line.startswith("|")][2:]
        expected = []
        for exercise in exercises:
            expected.append((exercise.label, f"**{exercise.points}**"))
            expected += [(sentence(c.text), str(c.points)) for c in exercise.criteria]
        assert len(lines) == len(expected)
        for line, (words, points_) in zip(lines, expected, strict=True):
            assert line.endswith(f"| {points_} |")
            if words.startswith("ex-") or exercise_of(words, exercises).hidden_checks:
                assert words in line


def exercise_of(words, exercises):
    return next(e for e in exercises if words in [sentence(c.text) for c in e.criteria])


def test_the_exercise_of_the_guide_can_be_given(tmp_path):
    text = (ROOT / "book" / "devoirs.md").read_text("utf-8")
    source = text.partition("````markdown\n")[2].partition("````\n")[0]
    (tmp_path / "exercices").mkdir()
    (tmp_path / "exercices" / "maison.md").write_text(source, "utf-8")
    course, assignment = created(
        tmp_path, "controle", "--exercices", "maison.bits-perdus", "maison.deux-courbes"
    )
    (exercise,) = assignment.code
    submit(course, assignment, "ada", {exercise.identifier: expected_source(assignment, exercise)})
    submit(course, assignment, "zoe", {exercise.identifier: exercise.solution})
    assert run("corriger", "controle", root=tmp_path) == 0
    assert recorded(course, assignment) == {"ada": 3, "zoe": 0}


def test_a_badly_written_exercise_is_named_with_its_file(tmp_path, capsys):
    course, _ = own_course(tmp_path / "cours")
    path = course.root / "exercices" / "essai.md"
    path.write_text(path.read_text("utf-8").replace("def carre(x):", "def carre(x:"), "utf-8")
    assert run("creer", "autre", "--exercices", "essai.double", root=course.root) == 2
    assert "exercices/essai.md, exercice « double », bloc « erreurs »" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("    return sum(numbers)\n", "    return sum(nombres)\n"), "lève NameError"),
        (("return 2 * x", "return 3 * x"), None),
    ],
)
def test_a_faulty_exercise_is_refused_before_it_is_given(tmp_path, change, said, capsys):
    course, _ = own_course(tmp_path / "cours")
    path = course.root / "exercices" / "essai.md"
    path.write_text(path.read_text("utf-8").replace(*change), "utf-8")
    code = run("creer", "autre", "--exercices", "essai.total", "essai.double", root=course.root)
    assert code == (2 if said else 0)
    assert said is None or said in capsys.readouterr().err


def test_a_variant_that_changes_nothing_is_refused(tmp_path, capsys):
    course, _ = own_course(tmp_path / "cours")
    path = course.root / "exercices" / "essai.md"
    idle = 'def rien(livre):\n    """Dans ce devoir, rien ne change."""\n    return livre\n'
    text = path.read_text("utf-8").replace(
        "```python erreurs\ndef carre",
        f"```python variante\n{idle}```\n\n```python erreurs\ndef carre",
    )
    path.write_text(text, "utf-8")
    assert run("creer", "autre", "--exercices", "essai.double", root=course.root) == 2
    assert "variante « rien » : elle ne change rien" in capsys.readouterr().err


def test_a_cell_that_does_not_run_is_told_so(tmp_path):
    course, assignment = own_course(tmp_path / "cours")
    submit(course, assignment, "ada", RIGHT | {"essai.double": "def double(x)\n    return 2 * x\n"})
    assert run("corriger", "essai-1", root=course.root) == 0
    marks = verdict(course, assignment, "ada")["marks"]["essai.double"]
    assert marks[0]["message"].startswith("Votre cellule ne s'exécute pas : elle lève SyntaxError")


def test_the_notebook_of_another_assignment_is_not_a_zero(tmp_path):
    course, assignment = own_course(tmp_path / "cours")
    _, other = created(course.root, "autre", "--exercices", "sequence.fenetres")
    hand_in(course, assignment, "ada", handed_out(course, other))
    assert run("corriger", "essai-1", root=course.root) == 0
    assert "est-ce le bon notebook" in verdict(course, assignment, "ada")["problem"]
    assert run("notes", "essai-1", root=course.root) == 0
    assert "ada" not in (course.root / "notes" / "essai-1" / "moodle.csv").read_text("utf-8")


def test_an_assignment_made_again_keeps_nothing_of_the_old_one(tmp_path):
    course, assignment = own_course(tmp_path / "cours")
    path = submit(course, assignment, "ada", RIGHT)
    assert run("corriger", "essai-1", root=course.root) == 0
    page = course.root / "feedback" / "ada" / "essai-1" / "essai-1.html"
    assert page.exists()
    path.unlink()
    path.parent.rmdir()
    again = ("creer", "essai-1", "--exercices", "essai.total", "--remplacer")
    assert run(*again, root=course.root) == 0
    assert not page.exists()


# ---------- ramasser et rendre


def moodle_archive(path, members):
    """Une archive comme celle de Moodle : nom → contenu."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def listed(tmp_path):
    """Un cours dont la liste donne les noms."""
    root = tmp_path / "cours"
    root.mkdir()
    (tmp_path / "liste.csv").write_text(
        "identifiant,nom,prénom\nada,Lovelace,Ada\nzoe,Le Gall,Zoé\nmax,Roux,Max\n", "utf-8"
    )
    return own_course(root, exercises=("essai.double", "--liste", str(tmp_path / "liste.csv")))


def test_the_archive_of_moodle_is_collected_then_given_back(listed, tmp_path, capsys):
    course, assignment = listed
    text = nbformat.writes(fill(handed_out(course, assignment), assignment, RIGHT))
    archive = moodle_archive(
        tmp_path / "moodle.zip",
        {
            "Ada Lovelace_123_assignsubmission_file/essai-1.ipynb": text,
            "Zoé Le Gall_124_assignsubmission_file/essai-1 (2).ipynb": text,
            "Camille Roux_125_assignsubmission_file/essai-1.ipynb": text,
            "Max Roux_126_assignsubmission_file/rapport.pdf": "%PDF",
            "../../../pirate.ipynb": text,
        },
    )
    link = zipfile.ZipInfo("Max Roux_126_assignsubmission_file/lien.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "a") as added:
        added.writestr(link, "/etc/passwd")
    assert run("ramasser", "essai-1", archive, root=course.root) == 0
    said = capsys.readouterr().out
    assert course.submitters("essai-1") == ["ada", "zoe"]
    assert "2 copies rangées" in said
    assert "Camille Roux" in said
    assert said.count("c'est un lien, ou un chemin qui sort du dossier") == 2
    assert not list(tmp_path.rglob("pirate*"))
    assert run("rendre", "essai-1", archive, root=course.root) == 2  # d'abord, corriger
    assert run("corriger", "essai-1", root=course.root) == 0
    assert run("rendre", "essai-1", archive, root=course.root) == 0
    with zipfile.ZipFile(course.root / "notes" / "essai-1" / "comptes-rendus.zip") as back:
        assert sorted(back.namelist()) == [
            "Ada Lovelace_123_assignsubmission_file/essai-1.html",
            "Zoé Le Gall_124_assignsubmission_file/essai-1.html",
        ]
    said = capsys.readouterr().out
    assert "Max Roux" in said
    assert "pas corrigée" in said


def test_a_folder_of_copies_is_collected(listed, tmp_path):
    course, assignment = listed
    text = nbformat.writes(handed_out(course, assignment))
    for name in ("ada", "zoe/pieces"):
        (tmp_path / "copies" / name).mkdir(parents=True)
        (tmp_path / "copies" / name / "devoir.ipynb").write_text(text, "utf-8")
    (tmp_path / "copies" / "max").symlink_to(tmp_path / "copies" / "ada")
    assert run("ramasser", "essai-1", tmp_path / "copies", root=course.root) == 0
    assert course.submitters("essai-1") == ["ada", "zoe"]


def test_what_is_not_an_archive_is_refused(listed, tmp_path, capsys):
    course, _ = listed
    (tmp_path / "faux.zip").write_text("bonjour", "utf-8")
    for source in (tmp_path / "faux.zip", tmp_path / "absent.zip"):
        assert run("ramasser", "essai-1", source, root=course.root) == 2
    said = capsys.readouterr().err
    assert "n'est pas une archive" in said
    assert "n'existe pas" in said
