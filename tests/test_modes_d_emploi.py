"""Les modes d'emploi disent vrai : chaque commande existe, chaque exemple s'exécute."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

GUIDES = ["README.md", "CONTRIBUER.md"]


def blocks(guide, language):
    text = (ROOT / guide).read_text("utf-8")
    text = re.sub(r"^````.*?^````", "", text, flags=re.S | re.M)
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(guide):
    return [line for block in blocks(guide, "console") for line in block.splitlines() if line]


MAKE = sorted({c for guide in GUIDES for c in commands(guide) if c.startswith("make")})


@pytest.mark.parametrize("command", MAKE)
def test_every_make_command_exists_and_is_explained(command):
    target = command.split()[1]
    dry = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
    assert dry.returncode == 0, dry.stderr
    for words in (["make"], ["make", "aide"]):
        shown = subprocess.run(words, cwd=ROOT, capture_output=True, text=True).stdout
        assert command in shown


def test_the_commands_without_make_are_those_of_the_makefile():
    recipe = (ROOT / "Makefile").read_text("utf-8")
    by_hand = [c for c in commands("README.md") if c.startswith(".venv/bin/python")]
    assert len(by_hand) == 5
    for command in by_hand:
        words = [w for w in command.split()[1:] if not w.startswith("--")]
        known = recipe.replace("$@", "livre") + recipe.replace("$@", "lire")
        for word in words:
            assert word in known, f"{command} : « {word} » n'est pas dans le Makefile"


@pytest.mark.parametrize("command", ["livre", "diapos", "lire", "lab", "notebooks", "propre"])
def test_the_tools_answer_in_french(command):
    run = subprocess.run(
        [sys.executable, "-m", "outils", command, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0
    assert command in run.stdout


def test_the_python_example_runs(capsys):
    for code in blocks("README.md", "python"):
        exec(code, {})
    assert len(capsys.readouterr().out.strip()) > 100


@pytest.mark.parametrize("guide", GUIDES)
def test_named_files_and_folders_exist(guide):
    text = (ROOT / guide).read_text("utf-8")
    produced = (".venv", "_build", "notebooks/")
    for name in re.findall(
        r"\]\(([\w.-]+)\)|`((?:\.?[\w-]+/)+[\w.-]*|[\w-]+\.(?:md|yml|toml|py))`", text
    ):
        path = next(filter(None, name))
        if not path.startswith(produced):
            assert (ROOT / path).exists(), f"{guide} : {path}"


def test_the_exercise_in_the_guide_is_a_real_one():
    from d2l_fr.exercises.checks import _names, _namespace, run_checks
    from d2l_fr.exercises.source import parse

    text = (ROOT / "CONTRIBUER.md").read_text("utf-8")
    example = re.search(r"^````markdown\n(.*?)^````", text, re.DOTALL | re.MULTILINE)[1]
    exercise = parse("essai", example)["moyenne-mobile"]
    namespace = _namespace()
    _names(exercise.solution, namespace)
    assert run_checks(exercise, namespace["moving_average"])
    _names(exercise.mistakes, namespace)
    assert not run_checks(exercise, namespace["sum_only"])


def test_the_licences_are_there():
    for name in ("LICENSE", "LICENSE-CONTENU"):
        assert len((ROOT / name).read_text("utf-8")) > 500
    assert "MIT" in Path(ROOT / "pyproject.toml").read_text("utf-8")


def test_no_registry_address_is_written_down():
    hosts = (
        "pypi.org",
        "registry.npmjs.org",
        "files.pythonhosted.org",
        "cdn.",
        "jsdelivr",
        "unpkg",
    )
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in (
            ".md",
            ".py",
            ".json",
            ".toml",
            ".yml",
            ".yaml",
            ".js",
            ".css",
            ".txt",
            "",
        ):
            if path == Path(__file__) or not path.is_file():
                continue
            text = path.read_text("utf-8", errors="ignore")
            assert not [h for h in hosts if f"//{h}" in text], name
