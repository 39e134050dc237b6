"""La bibliographie en français : « et », « dans », et la forme auteur-année des citations."""

import pybtex.plugin
from pybtex.richtext import Symbol, Text
from pybtex.style.formatting.unsrt import Style as UnsrtStyle
from pybtex.style.formatting.unsrt import dashify, date
from pybtex.style.template import (
    field,
    first_of,
    href,
    join,
    names,
    optional,
    optional_field,
    sentence,
    tag,
    words,
)  # fmt: skip
from sphinxcontrib.bibtex.style.referencing import BracketStyle, PersonStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle

pages = field("pages", apply_func=dashify)
year = first_of[optional[date], field("year")]


class FrenchStyle(UnsrtStyle):
    """Les références triées par auteur, avec les mots de liaison en français."""

    default_sorting_style = "author_year_title"

    def format_names(self, role, as_sentence=True):
        people = names(role, sep=", ", sep2=" et ", last_sep=" et ")
        return sentence[people] if as_sentence else people

    def title(self, italic):
        title = tag("em")[field("title")] if italic else join["« ", field("title"), " »"]
        return sentence[title]

    def links(self):
        doi = href[join["https://doi.org/", field("doi", raw=True)],
                   join["doi ", field("doi", raw=True)]]  # fmt: skip
        url = href[field("url", raw=True), field("url", raw=True)]
        return optional[first_of[doi, url]]

    def template(self, italic, *middle):
        return join(sep=Symbol("newblock"))[
            self.format_names("author"), self.title(italic), *middle, self.links()
        ]

    def get_article_template(self, e):
        volume = optional[join["vol. ", field("volume")]]
        number = optional[join["nᵒ ", field("number")]]
        place = [tag("em")[field("journal")], volume, number, optional[words["p.", pages]], year]
        return self.template(False, sentence[place])

    def get_inproceedings_template(self, e):
        place = [words["dans", tag("em")[field("booktitle")]], optional[words["p.", pages]], year]
        return self.template(False, sentence(capfirst=True)[place])

    get_incollection_template = get_inproceedings_template

    def get_book_template(self, e):
        return self.template(True, sentence[optional_field("publisher"), year])

    def get_phdthesis_template(self, e):
        return self.template(True, sentence[Text("thèse de doctorat"), field("school"), year])

    def get_techreport_template(self, e):
        place = [optional_field("number"), field("institution"), year]
        return self.template(True, sentence[place])

    def get_misc_template(self, e):
        return self.template(True, sentence[optional_field("howpublished"), year])

    get_online_template = get_misc_template


class FrenchReferenceStyle(AuthorYearReferenceStyle):
    """« Graves et Schmidhuber (2008) » dans le texte, « (Graves, 2008) » entre parenthèses."""

    def __init__(self):
        round_brackets = BracketStyle(left="(", right=")", sep=" ; ")
        super().__init__(
            bracket_parenthetical=round_brackets,
            bracket_textual=BracketStyle(left="(", right=")", sep=" ; ", last_sep=" et "),
            person=PersonStyle(sep2=" et ", last_sep=" et "),
        )


def setup(app):
    pybtex.plugin.register_plugin("pybtex.style.formatting", "livre", FrenchStyle)
    from sphinxcontrib.bibtex.plugin import register_plugin

    register_plugin(
        "sphinxcontrib.bibtex.style.referencing", "auteur_annee_fr", FrenchReferenceStyle
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
