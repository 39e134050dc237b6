"""The Time Machine à durée égale : l'exemple de D2L, puis le réseau de ce livre.

Lancez ``.venv/bin/python -m benchmarks.time_machine`` (une à deux minutes). On mesure d'abord la
durée que prend l'exemple ``rnn-scratch`` de D2L, tel qu'il est publié, sans ses dessins ; notre
réseau, une simple récurrence tanh, reçoit ensuite le nombre d'époques qui tient dans cette durée.
Les deux sont jugés sur les 5 000 fenêtres de 32 caractères que D2L réserve à la validation, qui
commencent aux caractères 10 000 à 14 999, chacune à partir d'un état nul. Aucun des caractères
10 000 à 15 031 n'est appris.
"""

import argparse
import re
import time

import torch
import torch.nn.functional as F

import d2l_fr as d2l
from benchmarks.paquet_d2l import load_d2l
from d2l_fr.corpora import cache
from d2l_fr.corpora.catalog import find

FIRST, LAST, STEPS = 10_000, 15_000, 32  # les départs des fenêtres, et leur longueur


def divide(raw):
    """Le texte partagé comme chez D2L : ce qu'on apprend, les fenêtres réservées, V."""
    tokens, vocab_size = read_tokens(raw)
    train = torch.cat([tokens[:FIRST], tokens[LAST + STEPS :]])
    return train, tokens.unfold(0, STEPS + 1, 1)[FIRST:LAST], vocab_size


def counting_perplexity(text, windows, vocab_size):
    """La perplexité d'un n-gramme (Kneser–Ney, ordre 6) sur des fenêtres (n, T + 1)."""
    counts = d2l.NGramModel(text, 6, vocab_size, "kneser-ney")
    nats = sum(counts.surprise(window).mean() for window in windows) / len(windows)
    return d2l.perplexity(float(nats))


def d2l_data(raw):
    """Les données de l'exemple de D2L, depuis un texte déjà téléchargé."""
    their = load_d2l()

    class TimeMachine(their.TimeMachine):
        def _download(self):  # le même texte, d'une autre adresse
            return raw.decode("utf-8")

    return TimeMachine(batch_size=1024, num_steps=STEPS)


def d2l_model(data):
    """Le modèle de l'exemple de D2L, sans ses dessins."""
    their = load_d2l()
    rnn = their.RNNScratch(num_inputs=len(data.vocab), num_hiddens=32)
    model = their.RNNLMScratch(rnn, vocab_size=len(data.vocab), lr=1)
    model.board.display = False
    return model


def train_d2l(raw, epochs):
    """L'exemple de D2L : rend la durée de son apprentissage, et la perplexité de ses fenêtres."""
    data = d2l_data(raw)
    torch.manual_seed(0)
    model = d2l_model(data)
    trainer = load_d2l().Trainer(max_epochs=epochs, gradient_clip_val=1, num_gpus=0)
    start = time.perf_counter()
    trainer.fit(model, data)
    seconds = time.perf_counter() - start
    windows = slice(FIRST, LAST)
    return seconds, window_perplexity(model, data.X[windows], data.Y[windows])


def read_tokens(raw):
    """Le texte comme D2L le nettoie : des minuscules et des espaces. Rend les jetons et V."""
    letters = d2l.tokenize(re.sub("[^A-Za-z]+", " ", raw.decode("utf-8")).lower())
    vocab = d2l.Vocab(letters)
    return torch.tensor(vocab[letters]), len(vocab)


def fit_ours(train, vocab_size, num_hiddens, epochs, seed=0, valid=None):
    """Entraîne notre réseau, une simple récurrence tanh ; rend le modèle et l'``History``."""
    d2l.set_seed(seed)
    rnn = d2l.RNNScratch(
        vocab_size, num_hiddens, recurrence=d2l.bptt_recurrence, gain=0.6, input_scale=4.0
    )
    model = d2l.RNNLMScratch(rnn, vocab_size)
    # Des fenêtres froides : on s'entraîne comme on sera jugé.
    history = d2l.fit(
        model, train, valid, num_epochs=epochs, lr=4e-3, carry_state=False, seed=seed,
        progress=False,
    )  # fmt: skip
    return model, history


def train_ours(train, vocab_size, num_hiddens, seconds):
    """Notre réseau, pendant au plus ``seconds`` ; rend le modèle, la durée et les époques."""
    fit_ours(train, vocab_size, num_hiddens, 1)  # la première époque paie les allocations
    _, trial = fit_ours(train, vocab_size, num_hiddens, 2)
    epochs = max(1, int(seconds / (trial.seconds / 2)))
    model, history = fit_ours(train, vocab_size, num_hiddens, epochs)
    return model, history.seconds, epochs


def window_perplexity(logits, X, Y, chunk=500):
    """La perplexité sur des fenêtres (n, T) : perte totale sur total des jetons, puis exp."""
    total = 0.0
    with torch.no_grad():
        for x, y in zip(X.split(chunk), Y.split(chunk), strict=True):
            scores = logits(x).flatten(0, 1)  # (n T, V)
            total += F.cross_entropy(scores, y.flatten(), reduction="sum").item()
    return d2l.perplexity(total / Y.numel())


def main():
    """Mesure, et affiche une ligne par modèle."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epoques", type=int, default=100, help="époques de D2L (100)")
    parser.add_argument("--unites", type=int, default=384, help="nos unités cachées (384)")
    options = parser.parse_args()
    raw = cache.read(find("time-machine"))
    train, windows, vocab_size = divide(raw)
    fr = d2l.fr

    allowed, perplexity = train_d2l(raw, options.epoques)
    print(f"D2L : 32 unités, {options.epoques} époques, {fr(allowed, 1)} s")
    print(f"  perplexité {fr(perplexity, 2)}", flush=True)

    model, seconds, epochs = train_ours(train, vocab_size, options.unites, allowed)
    perplexity = window_perplexity(lambda x: model(x)[0], windows[:, :-1], windows[:, 1:])
    ratio = fr(seconds / allowed, 2)
    print(f"Ce livre : {options.unites} unités, {epochs} époques, {fr(seconds, 1)} s")
    print(f"  perplexité {fr(perplexity, 2)}, en {ratio} fois la durée de D2L", flush=True)

    for name, text in (("dont dispose notre réseau", train), ("de D2L", train[:FIRST])):
        perplexity = counting_perplexity(text, windows, vocab_size)
        print(f"Comptage, Kneser–Ney d'ordre 6, sur les {fr(len(text))} caractères {name}")
        print(f"  perplexité {fr(perplexity, 2)}")


if __name__ == "__main__":
    main()
