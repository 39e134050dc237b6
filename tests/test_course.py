"""Le dossier d'un cours : les devoirs, leurs tirages, la liste des élèves."""

import errno
import json
import os
import stat

import pytest

from d2l_fr.assignments import course as module
from d2l_fr.assignments.course import (
    Assignment,
    Course,
    CourseError,
    Draw,
    Student,
    read_students,
    ready_made,
)
from d2l_fr.exercises import ExerciseError, load_exercise, load_exercises

EXAMS = [e for e in load_exercises("sequence").values() if e.hidden_checks]
VARIED = next(e for e in EXAMS if len(e.variant_names) >= 2)
OPEN = next(e for e in load_exercises("sequence").values() if e.grid)


def assignment(**changes):
    return Assignment("essai", "Essai", "graine", [VARIED, OPEN], **changes)


# ---------- le devoir et ce qu'il tire


def test_an_assignment_adds_up_its_exercises():
    both = assignment()
    assert both.code == [VARIED] and both.questions == [OPEN]
    assert both.points == VARIED.points + OPEN.points
    assert both.minutes == VARIED.minutes + OPEN.minutes
    assert both.per_student is False and both.students == [] and both.repository == ""


def test_a_draw_never_changes():
    """Un devoir distribué se corrige avec les tirages du jour où il fut créé."""
    drawn = assignment().draw(VARIED)
    labels = ("graine", "essai", VARIED.identifier, "")
    assert drawn.examples == module._derive(*labels, "exemples")
    assert drawn.exam == module._derive(*labels, "epreuves") != drawn.examples
    names = VARIED.variant_names
    assert drawn.variant == names[module._derive(*labels, "variante") % len(names)]
    assert module._derive("graine", "essai", "a.b", "ada", "epreuves") == 61205046689355883
    assert assignment().draw(OPEN).variant is None


def test_the_draw_depends_on_the_student_only_when_asked():
    alone, shared = assignment(per_student=True), assignment()
    students = [f"e{i}" for i in range(40)]
    assert len({alone.draw(VARIED, s).exam for s in students}) == 40
    assert {alone.draw(VARIED, s).variant for s in students} == set(VARIED.variant_names)
    assert {shared.draw(VARIED, s) for s in students} == {shared.draw(VARIED)}
    assert isinstance(shared.draw(VARIED), Draw)
    other = Assignment("essai", "Essai", "autre", [VARIED])
    assert other.draw(VARIED).exam != shared.draw(VARIED).exam


def test_the_ready_made_assignments_come_in_order():
    found = ready_made()
    assert list(found) == sorted(found) and "semaine-1" in found
    for ready in found.values():
        assert ready["titre"] and all(load_exercise(name) for name in ready["exercices"])


# ---------- la liste des élèves


def listed(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "liste.csv"
    path.write_text(text, encoding)
    return read_students(path)


@pytest.mark.parametrize(
    ("head", "field"),
    [
        ("nom", "last_name"), ("Nom de famille", "last_name"), ("last_name", "last_name"),
        ("Prénom", "first_name"), ("prenom", "first_name"), ("FIRST_NAME", "first_name"),
        ("courriel", "email"), ("email", "email"), ("Adresse de courriel", "email"),
        ("adresse e-mail", "email"), ("e-mail", "email"), ("autre", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("separator", ",;\t")
def test_each_column_can_have_several_names(tmp_path, head, field, separator):
    text = f"{head}{separator} Identifiant \n X, ;Y ".replace(", ;", " ") + f"{separator} ada\n"
    assert listed(tmp_path, text) == [Student("ada", **({field: "X Y"} if field else {}))]


@pytest.mark.parametrize(
    "head",
    ["identifiant", "id", "numéro d'identification", "Numero d’identification", "username",
     "Nom d’utilisateur"],
)  # fmt: skip
def test_the_identifier_can_have_several_names(tmp_path, head):
    assert listed(tmp_path, f"{head},nom\na.B_c-1@x,N\n") == [Student("a.B_c-1@x", "N")]


def test_the_separator_is_the_most_frequent_of_the_first_line(tmp_path):
    text = "identifiant;nom;prénom, usuel\nada;Love, lace;Ada\n"
    assert listed(tmp_path, text) == [Student("ada", "Love, lace")]


def test_blank_lines_and_missing_cells_are_nothing(tmp_path):
    text = "nom,identifiant,courriel\n\nA,ada\n , ,\nB,bob,b@ici.fr,de trop\n"
    expected = [Student("ada", "A"), Student("bob", "B", "", "b@ici.fr")]
    assert listed(tmp_path, text) == listed(tmp_path, text, "utf-8-sig") == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nom;prénom\na;b\n", "(colonnes lues : nom, prénom)"),
        ("identifiant\nada\n\n.b\n", "ligne 4 : l'identifiant « .b » ne peut pas nommer"),
        ("identifiant\né\n", "ligne 2 : l'identifiant « é » ne peut pas nommer"),
        ("nom,identifiant\nA\n", "ligne 2 : l'identifiant «  » ne peut pas nommer"),
        ("identifiant\nada\nAda\n", "ligne 3 : « Ada » paraît deux fois."),
        ("identifiant\n" + "a" * 200_000, "une case y est démesurée"),
        ("identifiant\n\n", "ne contient aucun élève"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, text, said):
    with pytest.raises(CourseError) as caught:
        listed(tmp_path, text)
    assert said in str(caught.value) and str(caught.value).startswith(str(tmp_path / "liste.csv"))


def test_a_list_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(CourseError, match=r"absente\.csv ne se lit pas : ce fichier n'existe pas"):
        read_students(tmp_path / "absente.csv")
    with pytest.raises(CourseError, match="ne se lit pas : c'est un dossier"):
        read_students(tmp_path)
    with pytest.raises(CourseError, match=os.strerror(errno.ENAMETOOLONG)):
        read_students(tmp_path / ("a" * 300))
    with pytest.raises(CourseError, match=r"n'est pas en UTF-8\. Dans le tableur"):
        listed(tmp_path, "identifiant\né\n", "latin-1")


# ---------- ce qui se range


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_an_assignment_is_kept_for_the_teacher_alone(tmp_path):
    course = Course(tmp_path / "cours")
    assert course.names() == []
    kept = assignment(per_student=True, students=[Student("ada", "A")], repository="x/y")
    course.save(kept)
    assert course.load("essai") == kept
    path = course.spec_path("essai")
    assert path == tmp_path / "cours" / ".d2l-fr" / "devoirs" / "essai.json"
    assert mode(course.private) == 0o700 and mode(path) == 0o600
    text = path.read_text("utf-8")
    assert json.loads(text)["title"] == "Essai" and "é" in text and "\n " in text
    course.save(assignment())  # deux fois de suite, sans rien laisser d'autre
    course.save(Assignment("a", "A", "s", []))
    assert sorted(os.listdir(path.parent)) == ["a.json", "essai.json"]
    assert course.names() == ["a", "essai"] and course.load("essai") == assignment()


@pytest.mark.parametrize("name", ["", "Semaine", "é", "../a", "-a", "a b", "a/b"])
def test_a_name_that_cannot_be_a_file_is_refused(tmp_path, name):
    with pytest.raises(CourseError, match=f"« {name} » ne peut pas nommer un devoir"):
        Course(tmp_path).spec_path(name)


def test_an_assignment_that_is_not_there_is_told(tmp_path):
    course = Course(tmp_path)
    with pytest.raises(CourseError, match=r"« essai » dans .* \(devoirs : aucun\)"):
        course.load("essai")
    course.save(assignment())
    course.save(Assignment("a", "A", "s", []))
    with pytest.raises(CourseError, match=r"« autre » dans .* \(devoirs : a, essai\)"):
        course.load("autre")
    for damage in ("", "[]", "{}", '{"exercises": 3}', '{"exercises": [], "students": []}'):
        course.spec_path("a").write_text(damage, "utf-8")
        with pytest.raises(CourseError, match=r"a\.json est abîmé : "):
            course.load("a")


def test_the_folder_by_default_is_the_current_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Course().root == tmp_path
    assert Course("a").folder("b", "c") == tmp_path / "a" / "b" / "c"
    assert (tmp_path / "a" / "b" / "c").is_dir() and Course("a").folder("b", "c").is_dir()


def test_the_exercises_of_the_course_come_first(tmp_path):
    course = Course(tmp_path)
    assert course.find_exercise(VARIED.identifier) == VARIED and course.own_exercises() == {}
    folder = course.folder("exercices")
    text = (
        "## a\n:titre: É\n:genre: reflexion\n:difficulte: 1\n:minutes: 5\n"
        "\nÉnoncé.\n\n### Solution\nVoilà.\n"
    )
    (folder / "sequence.md").write_text(text, "utf-8")
    (folder / "lisez-moi.txt").write_text("rien")
    assert course.find_exercise("sequence.a").title == "É"
    assert list(course.own_exercises()) == ["sequence"]
    with pytest.raises(ExerciseError, match=r"exercices/sequence\.md n'a pas .*« b » ; il a : a\."):
        course.find_exercise("sequence.b")
    (folder / "sequence.md").write_text(text.replace(":minutes: 5\n", ""), "utf-8")
    with pytest.raises(ExerciseError, match=r"^exercices/sequence\.md, exercice « a »"):
        course.own_exercises()


def test_who_gave_something_back(tmp_path):
    course = Course(tmp_path)
    assert course.submitters("essai") == []
    for student in ("zoe", "ada", ".cache", "-x"):
        course.submission(student, "essai").mkdir(parents=True)
    course.submission("bob", "autre").mkdir(parents=True)
    (tmp_path / "submitted" / "essai").write_text("")
    (tmp_path / "submitted" / "lien").symlink_to(tmp_path / "submitted" / "ada")
    assert course.submission("ada", "essai") == tmp_path / "submitted" / "ada" / "essai"
    assert course.submitters("essai") == ["ada", "zoe"]


def test_a_stamp_is_a_small_file_and_not_a_link(tmp_path):
    course = Course(tmp_path)
    folder = course.submission("ada", "essai")
    folder.mkdir(parents=True)
    assert course.stamp("ada", "essai", "date") is None
    for size, kept in ((0, True), (199, True), (200, False)):
        (folder / "date").write_bytes(b"x" * size)
        assert course.stamp("ada", "essai", "date") == (folder / "date" if kept else None)
    (folder / "date").write_bytes(b"x")
    (folder / "lien").symlink_to(folder / "date")
    (folder / "dossier").mkdir()
    assert course.stamp("ada", "essai", "lien") is course.stamp("ada", "essai", "dossier") is None


def test_a_file_is_written_at_once_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a" / "b" / "notes.csv"
    module.write(path, "é\udc80\n")
    assert path.read_bytes() == "é?\n".encode() and mode(path) == 0o600
    module.write(path, b"\x00", mode=0o640)
    assert path.read_bytes() == b"\x00" and mode(path) == 0o640 & ~umask()
    assert os.listdir(path.parent) == ["notes.csv"]

    def full(*args):
        raise OSError

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError):
        module.write(path, b"autre")
    assert path.read_bytes() == b"\x00" and os.listdir(path.parent) == ["notes.csv"]


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
