"""La commande ``d2l-fr`` : créer des devoirs, les ramasser, les corriger, rendre les notes."""

import argparse
import os
import secrets
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from d2l_fr.assignments.course import (
    Assignment,
    Course,
    CourseError,
    read_students,
    ready_made,
)
from d2l_fr.assignments.sandbox import RISK, IsolationError, Limits, check_isolation
from d2l_fr.exercises.source import ExerciseError, load_exercises, sections
from d2l_fr.french import fr

__all__ = ["main"]

if TYPE_CHECKING:  # chargés au premier besoin seulement
    from tqdm import tqdm

    from d2l_fr.assignments.gradebook import Copies
    from d2l_fr.assignments.grading import Grader, Verdict

# argparse ne parle français que si le système a le bon catalogue : on le lui fournit.
_FRENCH = {
    "usage: ": "emploi : ",
    "positional arguments": "arguments",
    "options": "options",
    "show this help message and exit": "affiche cette aide",
    "the following arguments are required: %s": "il manque : %s",
    "unrecognized arguments: %s": "options inconnues : %s",
    "expected one argument": "attend une valeur",
    "expected at least one argument": "attend au moins une valeur",
    "argument %(argument_name)s: %(message)s": "%(argument_name)s : %(message)s",
    "invalid choice: %(value)r (choose from %(choices)s)":
        "choix inconnu : %(value)r (choix possibles : %(choices)s)",
    "invalid %(type)s value: %(value)r": "valeur incorrecte : %(value)r",
    "%(prog)s: error: %(message)s\n": "%(prog)s : %(message)s\n",
    "ambiguous option: %(option)s could match %(matches)s":
        "option ambiguë : %(option)s peut être %(matches)s",
}  # fmt: skip
NEEDS = (
    "Il manque de quoi gérer des devoirs : installez le paquet avec ses outils d'enseignant, "
    'par « pip install "d2l-fr[enseignant]" » (ou « make livre » dans une copie du projet).'
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="d2l-fr", description="Les outils du livre.")
    groups = parser.add_subparsers(dest="groupe", metavar="devoir", required=True)
    group = groups.add_parser("devoir", help="créer, ramasser, corriger et noter des devoirs")
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(
        name: str, text: str, function: Callable[[argparse.Namespace], int | None]
    ) -> argparse.ArgumentParser:
        made = actions.add_parser(name, help=text, description=text)
        made.add_argument("--cours", default=".", metavar="DOSSIER", help="le dossier du cours")
        made.set_defaults(function=function)
        return made

    action("lister", "les exercices que l'on peut donner, et les devoirs du cours", _list)

    make = action("creer", "écrit un devoir, dans un cours nbgrader", _create)
    make.add_argument("nom", help="par exemple semaine-1 (tout prêt), ou un nom à vous")
    make.add_argument("--exercices", nargs="+", metavar="SECTION.NOM", help="les exercices")
    make.add_argument("--graine", help="la phrase secrète d'où tout est tiré (au hasard sinon)")
    make.add_argument("--titre", help="le titre que liront les élèves")
    make.add_argument("--par-etudiant", metavar="LISTE.csv", help="un devoir différent par élève")
    make.add_argument(
        "--liste", metavar="LISTE.csv", help="le même devoir pour tous, avec leurs noms"
    )
    make.add_argument("--depot", metavar="URL", help="où Colab prend le paquet (adresse du dépôt)")
    make.add_argument("--remplacer", action="store_true", help="refait un devoir qui existe")

    join = action("inscrire", "ajoute des élèves à un devoir, et écrit leur notebook", _enrol)
    join.add_argument("nom")
    join.add_argument("liste", metavar="LISTE.csv", help="les élèves, nouveaux compris")

    take = action("ramasser", "range les copies d'une archive de Moodle ou d'un dossier", _collect)
    take.add_argument("nom")
    take.add_argument("source", help="l'archive .zip de Moodle, ou un dossier")

    mark = action("corriger", "corrige les copies, à l'abri, et écrit les comptes rendus", _grade)
    mark.add_argument("nom")
    mark.add_argument("--eleve", nargs="+", metavar="ID", help="seulement ces élèves")
    mark.add_argument("--recommencer", action="store_true", help="même ce qui est déjà corrigé")
    mark.add_argument("--sans-isolation", action="store_true", help=RISK)
    base = Limits()
    mark.add_argument("--coeurs", type=int, default=os.cpu_count() or 1, help="copies à la fois")
    for option, default, text in (
        ("--temps-cellule", base.cell, "secondes par cellule"),
        ("--temps-appel", base.call, "secondes par épreuve"),
        ("--temps-total", base.total, "secondes par copie"),
        ("--memoire", base.memory / 1e9, "mémoire d'une copie, en Go"),
    ):
        mark.add_argument(option, type=float, default=default, help=f"{text} ({default:g})")

    give = action("notes", "écrit les notes (Moodle, tableur), leur répartition, le bilan", _marks)
    give.add_argument("nom")
    give.add_argument(
        "--sur",
        type=float,
        help="ramène la note à ce total, par exemple 20 (sinon : celui du devoir)",
    )
    give.add_argument(
        "--tout", action="store_true", help="met aussi dans moodle.csv les notes provisoires"
    )

    back = action("rendre", "range les comptes rendus pour Moodle, en une archive", _give_back)
    back.add_argument("nom")
    back.add_argument("source", help="l'archive .zip de Moodle d'où viennent les copies")
    return parser


def _count(number: int, *words: str) -> str:
    """« 1 copie notée », « 3 copies notées »."""
    return " ".join([str(number), *(word + "s" * (number > 1) for word in words)])


def _some(names: Sequence[str], shown: int = 10) -> str:
    """Les premiers noms d'une liste."""
    return ", ".join(names[:shown]) + ("…" if len(names) > shown else "")


def _list(options: argparse.Namespace) -> None:
    course = Course(options.cours)
    given = [load_exercises(section) for section in sections()]
    given += course.own_exercises().values()
    print("Exercices corrigés par la machine (points, minutes, variantes) :")
    for exercises in given:
        for exercise in exercises.values():
            if exercise.hidden_checks:
                count = len(exercise.variant_names)
                print(
                    f"  {exercise.identifier:32} {exercise.points} pts  {exercise.minutes:3} min  "
                    f"{count} var.  {exercise.title}"
                )
    print("\nQuestions ouvertes, notées par un lecteur :")
    for exercises in given:
        for exercise in exercises.values():
            if exercise.grid:
                print(
                    f"  {exercise.identifier:32} {exercise.points} pts  {exercise.minutes:3} min  "
                    f"        {exercise.title}"
                )
    print("\nDevoirs tout prêts :")
    for name, ready in ready_made().items():
        chosen = [course.find_exercise(identifier) for identifier in ready["exercices"]]
        print(
            f"  {name:12} {sum(e.points for e in chosen)} pts  "
            f"{sum(e.minutes for e in chosen)} min  {ready['titre']}"
        )
    if names := course.names():
        print(f"\nDevoirs du cours {course.root} :")
        for name in names:
            assignment = course.load(name)
            count = len(course.submitters(name))
            print(
                f"  {name:12} {assignment.points} pts  {_count(count, 'copie')}  {assignment.title}"
            )


def _create(options: argparse.Namespace) -> None:
    from d2l_fr.assignments.gradebook import publish

    course = Course(options.cours)
    path = course.spec_path(options.nom)
    ready = ready_made().get(options.nom)
    if not options.exercices and ready is None:
        raise CourseError(
            f"« {options.nom} » n'est pas un devoir tout prêt ({', '.join(ready_made())}) : donnez "
            "ses exercices par --exercices (« d2l-fr devoir lister » les montre)."
        )
    if path.exists() and not options.remplacer:
        raise CourseError(
            f"Le devoir « {options.nom} » existe déjà. Donnez un autre nom, ou --remplacer : ses "
            "épreuves seront tirées de nouveau."
        )
    if path.exists() and (count := len(course.submitters(options.nom))):
        raise CourseError(
            f"« {options.nom} » est déjà rendu ({_count(count, 'copie')}) : le refaire changerait "
            "l'énoncé de copies rendues. Donnez un autre nom au nouveau devoir (ou, si ce ne sont "
            f"que des essais, effacez submitted/*/{options.nom})."
        )
    identifiers = options.exercices or (ready["exercices"] if ready else [])
    if len(set(identifiers)) < len(identifiers):
        raise CourseError("Le même exercice est demandé deux fois.")
    exercises = [course.find_exercise(identifier) for identifier in identifiers]
    for exercise in exercises:
        if not exercise.criteria:
            raise CourseError(
                f"« {exercise.identifier} » n'a ni épreuves ni barème : il ne se donne pas en "
                "devoir. « d2l-fr devoir lister » montre ceux qui le peuvent."
            )
    students = options.par_etudiant or options.liste
    assignment = Assignment(
        options.nom,
        options.titre or (ready["titre"] if ready else options.nom.replace("-", " ").capitalize()),
        options.graine or secrets.token_hex(16),
        exercises,
        bool(options.par_etudiant),
        read_students(students) if students else [],
        (options.depot or os.environ.get("D2L_FR_DEPOT", "")).rstrip("/"),
    )
    if options.graine and len(options.graine) < 12:
        print("Attention : une graine aussi courte se devine ; prenez une phrase.", file=sys.stderr)
    _prove(assignment)
    publish(course, assignment)
    course.save(assignment)
    for exercise in assignment.code:
        if not exercise.variant_names:
            print(f"Attention : « {exercise.identifier} » est donné tel quel, et sa solution est "
                  "dans le livre.", file=sys.stderr)  # fmt: skip
    place = f"distribution/{options.nom}/<élève>/" if assignment.per_student else (
        f"release/{options.nom}/"
    )  # fmt: skip
    print(
        f"Devoir « {assignment.title} » : {assignment.points} points, {assignment.minutes} min.\n"
        f"  à distribuer : {course.root}/{place}\n"
        f"  corrigé      : {course.root}/corriges/{options.nom}/\n"
        f"  graine       : {path} (à garder secrète)"
    )
    if not assignment.repository:
        print("  Sans --depot, le notebook ne sait pas installer le paquet sur Colab.")


def _prove(assignment: Assignment) -> None:
    """Éprouve les exercices avant de les donner. Lève ``CourseError`` s'il y en a un de faux."""
    from d2l_fr.exercises.checks import _prepare, grade

    for exercise in assignment.code:
        where = f"Exercice « {exercise.identifier} »"
        try:
            book = _prepare(exercise)[1]
            for variant in [*exercise.variant_names, None]:
                what = f"variante « {variant} »" if variant else "solution"
                marks = grade(exercise, _prepare(exercise, variant)[1], 1, variant)
                if bad := [result.message for _, result in marks if not result]:
                    raise CourseError(f"{where}, {what} : elle échoue à ses épreuves. {bad[0]}")
                if variant and all(result for _, result in grade(exercise, book, 1, variant)):
                    raise CourseError(f"{where}, {what} : elle ne change rien à la réponse.")
        except CourseError:
            raise
        except Exception as error:
            kind = type(error).__name__
            raise CourseError(f"{where} : son code lève {kind} ({error}).") from error


def _enrol(options: argparse.Namespace) -> None:
    from d2l_fr.assignments.gradebook import hand_out

    course = Course(options.cours)
    assignment = course.load(options.nom)
    known = {student.id: student for student in assignment.students}
    given = {student.id: student for student in read_students(options.liste)}
    new = [student for identifier, student in given.items() if identifier not in known]
    assignment = replace(assignment, students=list({**known, **given}.values()))
    course.save(assignment)
    if assignment.per_student:
        hand_out(course, assignment, new)
    print(
        f"{_count(len(new), 'élève', 'ajouté')}, {_count(len(given) - len(new), 'inscrit')} avant."
    )


def _collect(options: argparse.Namespace) -> None:
    from d2l_fr.assignments.collect import collect

    course = Course(options.cours)
    assignment = course.load(options.nom)
    taken, left = collect(course, assignment, options.source)
    print(f"{_count(len(taken), 'copie', 'rangée')} dans {course.root}/submitted.")
    for path, reason in left:
        print(f"  laissé : {path} ({reason})")
    if not taken:
        raise CourseError("Aucune copie n'a été trouvée.")


def _bar(total: int, text: str) -> "tqdm[NoReturn]":
    from tqdm.auto import tqdm

    shape = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}, reste {remaining}]"
    return tqdm(total=total, desc=text, unit="copie", bar_format=shape, disable=None)


def _log(course: Course) -> None:
    """Garde la trace d'un défaut du correcteur, pour qui voudra le comprendre."""
    with (course.private / "correcteur.log").open("a", encoding="utf-8") as stream:
        traceback.print_exc(file=stream)


def _grade_all(
    grader: "Grader", students: Sequence[str], cores: int
) -> tuple[dict[str, "Verdict"], list[tuple[str, str]]]:
    """Corrige en parallèle ; rend les verdicts, et les échecs du correcteur lui-même.

    Ctrl-C garde ce qui est fait.
    """
    verdicts, failed = {}, []
    pool = ThreadPoolExecutor(max(1, cores))
    futures = {pool.submit(grader.grade, student): student for student in students}
    try:
        with _bar(len(futures), "Correction") as bar:
            for future in as_completed(futures):
                student = futures[future]
                try:
                    verdicts[student] = future.result()
                except Exception:
                    failed.append(student)
                    _log(grader.course)
                bar.update()
    except KeyboardInterrupt:
        for future in futures:
            future.cancel()
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    pool.shutdown()
    lost = []
    for student in failed:  # un défaut d'ici, non de la copie : on réessaie, seul
        try:
            verdicts[student] = grader.grade(student)
        except Exception as error:  # pas de note plutôt qu'un zéro
            _log(grader.course)
            lost.append((student, f"{type(error).__name__} : {error}"))
    return verdicts, lost


def _feedback_all(course: Course, assignment: Assignment, copies: "Copies") -> None:
    from d2l_fr.assignments.feedback import write_feedback
    from d2l_fr.assignments.gradebook import open_gradebook
    from d2l_fr.assignments.marks import scores

    with open_gradebook(course) as gradebook:
        for student, (notebook, verdict) in copies.items():
            given = scores(gradebook, assignment, student)
            write_feedback(course, assignment, verdict, notebook, given)


def _copies(grader: "Grader", verdicts: Mapping[str, "Verdict"]) -> "Copies":
    """Élève → (copie remise en état, verdict)."""
    from d2l_fr.assignments.notebook import rebuild

    return {
        student: (rebuild(grader.assignment, grader.base, grader.cells(student)[0])[0], verdict)
        for student, verdict in sorted(verdicts.items())
    }


def _grade(options: argparse.Namespace) -> int:
    from d2l_fr.assignments.gradebook import record
    from d2l_fr.assignments.grading import Grader

    start = time.monotonic()
    course = Course(options.cours)
    assignment = course.load(options.nom)
    isolated = not options.sans_isolation
    check_isolation(wanted=isolated)
    if not isolated:
        print(f"Attention : {RISK}", file=sys.stderr)
    limits = replace(
        Limits(), cell=options.temps_cellule, call=options.temps_appel, total=options.temps_total,
        memory=int(options.memoire * 1e9),
    )  # fmt: skip
    grader = Grader(course, assignment, limits, isolated)
    submitters = course.submitters(options.nom)
    if unknown := set(options.eleve or ()) - set(submitters):
        raise CourseError(f"Rien n'a été rendu par : {', '.join(sorted(unknown))}.")
    if not submitters:
        raise CourseError(
            f"Aucune copie dans {course.root}/submitted/<élève>/{options.nom}/. Ramassez-les par "
            "« d2l-fr devoir ramasser »."
        )
    chosen = options.eleve or submitters
    known = {student: grader.known(student) for student in submitters}
    todo = [s for s in chosen if known[s] is None or options.recommencer]
    kept = {s: v for s, v in known.items() if v is not None and s not in todo}
    if kept and not options.eleve:
        print(f"{_count(len(kept), 'copie', 'inchangée')} : rien à refaire.")
    graded, broken = _grade_all(grader, todo, options.coeurs)
    seconds = time.monotonic() - start
    verdicts = {**kept, **graded}
    copies = _copies(grader, verdicts)
    with _bar(len(copies), "Carnet de notes") as bar:
        failed = broken + record(course, assignment, copies, submitters, lambda _: bar.update())
    lost = {student for student, _ in failed}
    _feedback_all(course, assignment, {s: c for s, c in copies.items() if s not in lost})
    waiting = [s for s in submitters if s not in verdicts and s not in lost]
    _report(graded, seconds, failed, waiting)
    return 1 if failed else 0


def _report(
    graded: Mapping[str, "Verdict"],
    seconds: float,
    failed: list[tuple[str, str]],
    waiting: list[str],
) -> None:
    for student, verdict in sorted(graded.items()):
        if verdict.problem:
            print(f"  {student} : copie illisible, {verdict.problem}")
        for remark in verdict.remarks:
            print(f"  {student} : {remark}")
    for student, reason in failed:
        print(f"  {student} : pas de note ({reason}) ; relancez", file=sys.stderr)
    if waiting:
        print(f"Reste à corriger ({_count(len(waiting), 'copie')}) : {_some(waiting)}.")
    if graded:
        import resource  # absent de Windows, où l'on ne corrige pas

        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        peak = max(verdict.memory for verdict in graded.values()) / 1e6
        rate = 60 * len(graded) / seconds
        print(
            f"{_count(len(graded), 'copie', 'corrigée')} en {fr(seconds, 0)} s "
            f"({fr(rate, 1)} par minute) ; mémoire : {fr(own, 0)} Mo, "
            f"et au plus {fr(peak, 0)} Mo par copie."
        )


def _current(course: Course, assignment: Assignment) -> tuple["Grader", dict[str, "Verdict"]]:
    """Le correcteur, et les verdicts ; lève ``CourseError`` si une copie n'est pas à jour."""
    from d2l_fr.assignments.gradebook import recorded
    from d2l_fr.assignments.grading import Grader

    grader, name = Grader(course, assignment), assignment.name
    verdicts, stale, saved = {}, [], recorded(course, name)
    for student in course.submitters(name):
        verdict = grader.known(student)
        known = saved.get(student)
        if verdict is None or known is None or known["key"] != verdict.key:
            stale.append(student)
        else:
            verdicts[student] = verdict
    if stale:
        raise CourseError(
            f"{_count(len(stale), 'copie')} à corriger, ou à corriger de nouveau : {_some(stale)}. "
            f"Lancez « d2l-fr devoir corriger {name} »."
        )
    if not verdicts:
        raise CourseError(f"Aucune copie de « {name} » n'a été ramassée.")
    return grader, verdicts


def _marks(options: argparse.Namespace) -> None:
    from d2l_fr.assignments.marks import write_marks

    course = Course(options.cours)
    assignment = course.load(options.nom)
    if options.sur is not None and not options.sur > 0:
        raise CourseError("--sur attend un nombre plus grand que zéro.")
    grader, verdicts = _current(course, assignment)
    _feedback_all(course, assignment, _copies(grader, verdicts))
    table, files = write_marks(course, assignment, verdicts, options.sur, options.tout)
    waiting = [row.id for row in table if not row.complete]
    unread = [row.id for row in table if row.problem]
    print(f"{_count(len(verdicts), 'copie', 'notée')}.")
    if waiting:
        print(f"  à finir à la main : {_some(waiting)}")
    if unread:
        print(f"  illisibles : {_some(unread)}")
    if (waiting or unread) and not options.tout:
        print("  Ces notes-là ne sont pas dans moodle.csv (--tout les y met, telles quelles).")
    for path in files:
        print(f"  {path}")


def _give_back(options: argparse.Namespace) -> None:
    from d2l_fr.assignments.collect import give_back
    from d2l_fr.assignments.marks import rows

    course = Course(options.cours)
    assignment = course.load(options.nom)
    grader, verdicts = _current(course, assignment)
    _feedback_all(course, assignment, _copies(grader, verdicts))
    path, count, left = give_back(course, assignment, options.source, verdicts)
    print(f"{_count(count, 'compte')} {'rendus' if count > 1 else 'rendu'} dans {path}.")
    waiting = [row.id for row in rows(course, assignment, verdicts) if not row.complete]
    if waiting:
        print(f"  Attention, une question y reste à noter : {_some(waiting)}.")
    for name, reason in left:
        print(f"  laissé : {name} ({reason})")


def main(arguments: Sequence[str] | None = None) -> int:
    """Le point d'entrée ; rend le code de sortie."""
    # Le gettext d'argparse, que ses types taisent.
    argparse._ = lambda text: _FRENCH.get(text, text)  # type: ignore[attr-defined]
    options = _parser().parse_args(arguments)
    try:
        return options.function(options) or 0
    except (CourseError, ExerciseError, IsolationError) as error:
        print(f"d2l-fr : {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] in (
            "nbgrader",
            "openpyxl",
            "nbformat",
            "markdown_it",
            "latex2mathml",
        ):
            print(f"d2l-fr : {NEEDS}", file=sys.stderr)
            return 2
        raise
    except KeyboardInterrupt:
        print(
            "\nInterrompu. Ce qui est corrigé est gardé ; la même commande reprend la suite.",
            file=sys.stderr,
        )
        return 130


if __name__ == "__main__":
    sys.exit(main())
