"""Ramasser des copies : à qui est chacune, et ce qui reste où c'était."""

import zipfile

import pytest

from classe import OWN, run
from d2l_fr.assignments import collect as module
from d2l_fr.assignments.collect import collect, give_back
from d2l_fr.assignments.course import Assignment, Course, CourseError, Student
from d2l_fr.exercises.source import parse

NAME = "essai-1"
EXERCISES = list(parse("essai", OWN).values())
LISTED = [
    Student("eva", "Roux", "Éva", ""),
    Student("eva_marie", "Roux", "Éva-Marie", ""),
    Student("paul1", "Petit", "Paul", ""),
    Student("paul2", "Petit", "Paul", ""),
]


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path / "cours")


def assignment(students=()):
    return Assignment(NAME, "Essai", "une phrase secrète", EXERCISES, students=list(students))


def archive(path, members):
    with zipfile.ZipFile(path, "w") as out:
        for name, content in members.items():
            out.writestr(name, content)
    return path


def folder(path, members):
    for name, content in members.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(content, "utf-8")
    return path


def content(course, student):
    return (course.submission(student, NAME) / f"{NAME}.ipynb").read_text("utf-8")


def test_the_longest_name_is_tried_first_and_a_namesake_is_nobody(course, tmp_path):
    found = archive(tmp_path / "a.zip", {
        "eva_marie.ipynb": "1", "eva_2.ipynb": "2",
        "Paul Petit_12_assignsubmission_file/x.ipynb": "3", "autre/x.ipynb": "4",
    })  # fmt: skip
    taken, left = collect(course, assignment(LISTED), found)
    assert taken == ["eva", "eva_marie"]
    assert (content(course, "eva_marie"), content(course, "eva")) == ("1", "2")
    assert {path for path, _ in left} == {
        "Paul Petit_12_assignsubmission_file/x.ipynb", "autre/x.ipynb",
    }  # fmt: skip


def test_without_a_list_the_folders_give_the_names(course, tmp_path):
    found = folder(tmp_path / "copies", {
        "Zoé Le Gall_12_assignsubmission_file/x.ipynb": "1", "ada/x.ipynb": "2",
        "__12_assignsubmission_file/x.ipynb": "3", "x.ipynb": "4", "é/x.ipynb": "5",
        "ada/.ipynb_checkpoints/x.ipynb": "6", "ada/notes.txt": "7",
    })  # fmt: skip
    (found / "ada" / "lien.ipynb").symlink_to(found / "x.ipynb")
    taken, left = collect(course, assignment(), found)
    assert taken == ["ada", "gall-le-zoe"]
    assert content(course, "ada") == "2"
    reasons = dict(left)
    assert set(reasons) == {
        "ada/lien.ipynb", "__12_assignsubmission_file/x.ipynb", "x.ipynb", "é/x.ipynb",
    }  # fmt: skip
    assert "c'est un lien" in reasons["ada/lien.ipynb"]


def test_what_is_too_big_is_left(course, tmp_path, monkeypatch):
    found = archive(tmp_path / "a.zip", {"ada/x.ipynb": "1" * 100, "zoe/x.ipynb": "1"})
    monkeypatch.setattr(module, "MAX_FILE", 10)
    assert collect(course, assignment(), found) == (["zoe"], [("ada/x.ipynb", "trop gros (0 Mo)")])
    # La limite, elle, est permise.
    just = archive(tmp_path / "b.zip", {"ada/x.ipynb": "1" * 10})
    assert collect(course, assignment(), just) == (["ada"], [])
    monkeypatch.setattr(module, "MAX_TOTAL", 100)
    with pytest.raises(CourseError, match="trop gros une fois décompressé"):
        collect(course, assignment(), found)


def test_a_damaged_copy_leaves_the_one_that_was_there(course, tmp_path):
    found = archive(tmp_path / "a.zip", {"ada/x.ipynb": "premier", "zoe/x.ipynb": "second"})
    collect(course, assignment(), found)
    whole = found.read_bytes()
    found.write_bytes(whole.replace(b"premier", b"derniER", 1))
    taken, left = collect(course, assignment(), found)
    assert taken == ["zoe"]
    assert left == [("ada/x.ipynb", "cette copie ne se lit pas : abîmée, ou chiffrée")]
    assert content(course, "ada") == "premier"


def test_a_link_in_the_place_of_a_copy_is_replaced_not_followed(course, tmp_path):
    precious = folder(tmp_path / "ailleurs", {f"{NAME}.ipynb": "précieux"})
    course.submission("ada", NAME).parent.mkdir(parents=True)
    course.submission("ada", NAME).symlink_to(precious)
    collect(course, assignment(), archive(tmp_path / "a.zip", {"ada/x.ipynb": "1"}))
    assert content(course, "ada") == "1" and not course.submission("ada", NAME).is_symlink()
    assert (precious / f"{NAME}.ipynb").read_text("utf-8") == "précieux"


def test_several_notebooks_keep_their_names(course, tmp_path):
    found = archive(tmp_path / "a.zip", {"ada/un.ipynb": "1", "ada/deux.ipynb": "2"})
    collect(course, assignment(), found)
    assert sorted(p.name for p in course.submission("ada", NAME).iterdir()) == [
        "deux.ipynb", "un.ipynb",
    ]  # fmt: skip


def test_an_archive_of_nobody_is_not_given_back(course, tmp_path):
    found = archive(tmp_path / "a.zip", {"ada/x.ipynb": "1", "inconnu.txt": ""})
    with pytest.raises(CourseError, match="Aucun compte rendu"):
        give_back(course, assignment(), found, {})
    assert list((course.root / "notes" / NAME).iterdir()) == []
    (tmp_path / "faux.zip").write_bytes(b"PK")
    with pytest.raises(CourseError, match="n'est pas une archive"):
        give_back(course, assignment(), tmp_path / "faux.zip", {})


def test_a_graded_copy_gets_its_report_and_the_others_a_reason(course, tmp_path):
    found = archive(tmp_path / "a.zip", {"ada/x.ipynb": "1", "zoe/x.ipynb": "2", "eve/x.ipynb": ""})
    for student in ("ada", "eve"):
        folder(course.root / "feedback", {f"{student}/{NAME}/{NAME}.html": f"pour {student}"})
    path, count, left = give_back(course, assignment(), found, {"ada": 1, "zoe": 1})
    assert count == 1
    assert [name for name, _ in left] == ["eve", "zoe"]  # pas corrigée ; pas de compte rendu
    with zipfile.ZipFile(path) as given:
        assert given.namelist() == [f"ada/{NAME}.html"]
        assert given.read(f"ada/{NAME}.html").decode() == "pour ada"


@pytest.mark.parametrize("name", ["/ada/x.ipynb", "ada/../../x.ipynb", "..\\ada\\x.ipynb"])
def test_a_path_that_leaves_the_archive_is_left(course, tmp_path, name):
    taken, left = collect(course, assignment(), archive(tmp_path / "a.zip", {name: "1"}))
    assert taken == []
    ((_, why),) = left
    assert why == "c'est un lien, ou un chemin qui sort du dossier"


# ---------- les commandes, quand il n'y a rien à faire


def test_nothing_to_collect_grade_or_mark_is_told(course, tmp_path, capsys):
    course.save(assignment())
    empty = archive(tmp_path / "a.zip", {"x.ipynb": "1"})
    for action, said in (
        (["ramasser", NAME, empty], "Aucune copie n'a été trouvée"),
        (["corriger", NAME, "--sans-isolation"], "Ramassez-les par"),
        (["corriger", NAME, "--sans-isolation", "--eleve", "zoe"], "Rien n'a été rendu par : zoe"),
        (["notes", NAME], f"Aucune copie de « {NAME} » n'a été ramassée"),
        (["notes", NAME, "--sur", "0"], "--sur attend un nombre plus grand que zéro"),
        (["notes", NAME, "--sur", "nan"], "--sur attend un nombre plus grand que zéro"),
        (["notes", "absent"], f"(devoirs : {NAME})"),
    ):
        assert run(*action, root=course.root) == 2
        assert said in capsys.readouterr().err
    course.spec_path(NAME).write_text("{}", "utf-8")
    assert run("notes", NAME, root=course.root) == 2
    assert "essai-1.json est abîmé" in capsys.readouterr().err


def test_a_list_read_again_adds_the_new_and_corrects_the_others(course, tmp_path, capsys):
    course.save(assignment(LISTED))
    (tmp_path / "liste.csv").write_text("identifiant;nom\nzoe;Le Gall\neva;Rousse\n", "utf-8")
    assert run("inscrire", NAME, tmp_path / "liste.csv", root=course.root) == 0
    assert "1 élève ajouté, 1 inscrit avant." in capsys.readouterr().out
    names = {student.id: student.last_name for student in course.load(NAME).students}
    assert names == {s.id: s.last_name for s in LISTED} | {"eva": "Rousse", "zoe": "Le Gall"}


def test_an_exercise_of_the_course_that_does_not_exist_is_told(course, capsys):
    folder(course.root / "exercices", {"essai.md": OWN})
    assert run("creer", "x", "--exercices", "essai.triple", root=course.root) == 2
    said = "exercices/essai.md n'a pas d'exercice « triple » ; il a : double, total, pourquoi."
    assert said in capsys.readouterr().err
    assert course.submitters("x") == []


@pytest.mark.parametrize(("name", "code"), [("nbgrader.api", 2), ("openpyxl", 2), ("autre", None)])
def test_a_missing_tool_tells_how_to_install_it(course, monkeypatch, capsys, name, code):
    from d2l_fr.assignments import cli

    def missing(options):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(cli, "_list", missing)
    if code is None:
        with pytest.raises(ModuleNotFoundError):
            run("lister", root=course.root)
    else:
        assert run("lister", root=course.root) == code
        assert "d2l-fr[enseignant]" in capsys.readouterr().err
