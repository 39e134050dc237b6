# Deux commandes suffisent : « make livre » construit le livre, « make test » l'éprouve.
# Le travail est fait par « python -m outils » ; ce fichier prépare l'environnement.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FAIT := $(VENV)/.installe

.DEFAULT_GOAL := aide
.PHONY: aide livre diapos archive pdf epub notebooks lire lab test bench couverture mutants versions propre

aide: ## dit ce que font les commandes
	@echo "make livre      construit le livre dans _build/html"
	@echo "make diapos     construit les diaporamas, un fichier par page, dans _build/diapos"
	@echo "make archive    met le livre en un fichier, à lire sans réseau, dans _build/archive"
	@echo "make pdf        compose le livre imprimé : _build/papier/reseaux-recurrents.pdf"
	@echo "make epub       compose le livre pour liseuse : _build/papier/reseaux-recurrents.epub"
	@echo "make lire       sert le livre sur 127.0.0.1 et dit l'adresse"
	@echo "make lab        ouvre JupyterLab, en français, sur les notebooks"
	@echo "make notebooks  régénère notebooks/ depuis les pages"
	@echo "make test       passe tous les tests"
	@echo "make bench      mesure le code contre D2L et PyTorch, et met les résultats en page"
	@echo "make couverture mesure les branches du paquet que ses tests parcourent"
	@echo "make mutants    met des fautes dans le paquet, que les tests doivent voir (MODULES=rnn SUR=3)"
	@echo "make versions   essaie le paquet avec les plus vieilles et les plus neuves des dépendances"
	@echo "make propre     efface ce que la construction a produit"

# Une version de Python trop ancienne se dit avant l'installation, pas après.
$(FAIT): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Il faut Python 3.11 ou plus récent ; essayez : make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Environnement .venv : installation (quelques minutes la première fois)…"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps -e .
	@touch $@

livre diapos archive pdf epub notebooks lire lab: $(FAIT)
	@$(BIN)/python -m outils $@

test: $(FAIT)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

bench: $(FAIT)
	@$(BIN)/python -m benchmarks

couverture: $(FAIT)
	@$(BIN)/python -m outils.couverture

mutants: $(FAIT)
	@$(BIN)/python -m outils.mutants $(if $(SUR),--sur $(SUR)) $(MODULES)

versions: $(FAIT)
	@$(BIN)/python -m outils.versions $(OPTIONS) $(PYTHONS)

propre:
	@rm -rf _build .pytest_cache .ruff_cache .hypothesis
	@echo "_build est effacé (l'environnement .venv reste : « rm -rf .venv » pour l'ôter aussi)."
