"""Les nombres et les espaces du français."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from d2l_fr.french import NBSP, NNBSP, fr, prose, typography


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1234567, None, f"1{NNBSP}234{NNBSP}567"),
        (1234, None, "1234"),
        (12345.678, 1, f"12{NNBSP}345,7"),
        (0.9281, 2, "0,93"),
        (-3, None, "−3"),
        (-0.5, 1, "−0,5"),
        (1.23e-5, None, "1,23·10⁻⁵"),
        (9.999e-5, None, "0,000100"),
        (2.5, None, "2,50"),
        (0, None, "0"),
        (math.nan, None, "non défini"),
        (math.inf, None, "∞"),
        (-math.inf, None, "−∞"),
        (torch.tensor(0.25), 2, "0,25"),
        (torch.tensor([[0.25]]), None, "0,250"),
        (-1234567.5, 1, f"−1{NNBSP}234{NNBSP}567,5"),
        (-1234, None, "−1234"),
        (1234.5, 1, "1234,5"),
        (-1.5e-7, None, "−1,50·10⁻⁷"),
        (1234567.5, None, "1,23·10⁶"),
        (999_999.4, None, "1,00·10⁶"),
        (123_456.7, None, f"123{NNBSP}457"),
        (1234.6, None, "1235"),
        (2e-7, None, "2,00·10⁻⁷"),
        (1.5e-4, None, "0,000150"),
    ],
)
def test_numbers(value, digits, text):
    assert fr(value, digits) == text


@given(st.floats(-1e5, 1e5), st.integers(0, 6))
def test_numbers_can_be_read_back(value, digits):
    text = fr(value, digits).replace(NNBSP, "").replace(",", ".").replace("−", "-")
    assert abs(float(text) - value) <= 0.5001 * 10**-digits


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("C'est l'eau", "C’est l’eau"),
        ("Quoi ?", f"Quoi{NNBSP}?"),
        ("Quoi ?!", f"Quoi{NNBSP}?!"),
        ("Oui ; non", f"Oui{NNBSP}; non"),
        ("Voici :", f"Voici{NBSP}:"),
        ("« oui »", f"«{NBSP}oui{NBSP}»"),
        ("«oui»", f"«{NBSP}oui{NBSP}»"),
        ("attendez...", "attendez…"),
        ("10 000 fois", f"10{NNBSP}000 fois"),
        ("50 %", f"50{NBSP}%"),
        ("12:30", "12:30"),
        ("f(x) := 3", "f(x) := 3"),
        ("en 1900 100 hommes", "en 1900 100 hommes"),
        ("1 000 000 de mots", f"1{NNBSP}000{NNBSP}000 de mots"),
        ("3,14 159 et 1 0000", "3,14 159 et 1 0000"),
        ("10 sous, 3 mots", "10 sous, 3 mots"),
        ("les s, les bits", "les s, les bits"),
        ("50  % de 3%", f"50{NBSP}% de 3%"),
        ("l'an 1'2 '", "l’an 1'2 '"),
        ("Oui !? Non ;", f"Oui{NNBSP}!? Non{NNBSP};"),
        ("à ?x", "à ?x"),
        ("Oui :", f"Oui{NBSP}:"),
        ("«\u202foui\u00a0 »", f"«{NBSP}oui{NBSP}»"),
    ],
)
def test_typography(typed, printed):
    assert typography(typed) == printed


@pytest.mark.parametrize(
    "unit", ["s", "ms", "min", "h", "m", "cm", "km", "Mo", "ko", "octets", "bit", "bits", "px"]
)
def test_a_number_stays_with_its_unit(unit):
    assert typography(f"en 12 {unit}.") == f"en 12{NBSP}{unit}."
    assert typography(f"en 12 {unit}a, douze {unit}") == f"en 12 {unit}a, douze {unit}"


@given(st.text(alphabet="ab 1';:!?«»,.%\u00a0\u202f", max_size=40))
def test_typography_is_stable_and_keeps_every_word(text):
    once = typography(text)
    assert typography(once) == once
    kept = [c for c in text.replace("...", "…") if c.isalnum()]
    assert [c for c in once if c.isalnum()] == kept


# « ~ » : une espace insécable ; « _ » : une fine.
@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("Que rend `f(x) ; g` ?", "Que rend `f(x) ; g`_?"),
        ("`x` : oui", "`x`~: oui"),
        ("Voici :`x`", "Voici~:`x`"),
        ("« `x` »", "«~`x`~»"),
        ("«$x$»", "«~$x$~»"),
        ("« a `b` c » ; non", "«~a `b` c~»_; non"),
        ("$a ; b$ ; $$c ; d$$ ; e", "$a ; b$_; $$c ; d$$_; e"),
        ("l'`x`, 1 000 $x$", "l’`x`, 1_000 $x$"),
        ("```\na ; b\n``` ; c", "```\na ; b\n```_; c"),
        (
            "[oui ; non](http://a/?b) ; https://a/?b ; c",
            "[oui_; non](http://a/?b)_; https://a/?b_; c",
        ),
        ('<a title="b ; c"> ; </a>', '<a title="b ; c">_; </a>'),
        ("Oui ; non", "Oui_; non"),
        (" ; oui `x`", " ; oui `x`"),
        ("`x` dit « ", "`x` dit « "),
        ("$$a ;\nb ?$$ ; c", "$$a ;\nb ?$$_; c"),
        ("", ""),
    ],
)
def test_prose_leaves_code_formulas_and_addresses_alone(typed, printed):
    assert prose(typed).replace(NBSP, "~").replace(NNBSP, "_") == printed


@given(st.lists(st.sampled_from(["« ", " »", "«", "»", " ;", " :", "a", " ", "`b ; c`", "$d ?$"])))
def test_prose_is_stable(parts):
    once = prose("".join(parts))
    assert prose(once) == once
