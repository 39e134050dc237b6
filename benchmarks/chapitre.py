"""Le chapitre entier, exécuté : nos sept notebooks, et le travail de ceux de D2L.

Le paquet d2l ne contient pas ses notebooks : on refait, par ses propres classes, dans un noyau
comme le leur, les calculs et les dessins de leur chapitre, aux réglages qu'ils publient.
"""

import time

import nbformat
import yaml
from nbclient import NotebookClient

from benchmarks.mesure import ROOT

START = """
%matplotlib inline
import sys
sys.path.insert(0, {root!r})
import torch
from benchmarks.paquet_d2l import load_d2l
from benchmarks import time_machine as example
from d2l_fr.corpora import cache
from d2l_fr.corpora.catalog import find
d2l = load_d2l()
raw = cache.read(find("time-machine"))
"""
# Leur section sequence ajuste une régression aux quatre dernières valeurs d'un sinus bruité, puis
# prédit à 1, 4, 16 et 64 pas.
SINE = """
class Sine(d2l.DataModule):
    def __init__(self, batch_size=16, T=1000, num_train=600, tau=4):
        self.save_hyperparameters()
        self.time = torch.arange(1, T + 1, dtype=torch.float32)
        self.x = torch.sin(0.01 * self.time) + torch.randn(T) * 0.2

    def get_dataloader(self, train):
        features = [self.x[i : self.T - self.tau + i] for i in range(self.tau)]
        self.features = torch.stack(features, 1)
        self.labels = self.x[self.tau :].reshape((-1, 1))
        rows = slice(0, self.num_train) if train else slice(self.num_train, None)
        return self.get_tensorloader([self.features, self.labels], train, rows)


data = Sine()
model = d2l.LinearRegression(lr=0.01)
d2l.Trainer(max_epochs=5).fit(model, data)
ahead = [data.x[i : data.T - 64 - data.tau + 1 + i] for i in range(data.tau)]
for i in range(64):
    ahead.append(model(torch.stack(ahead[i : i + data.tau], 1)).reshape(-1).detach())
d2l.plot(data.time[: len(ahead[0])], [ahead[data.tau + k - 1] for k in (1, 4, 16, 64)])
"""
TEXT = """
data = example.d2l_data(raw)
corpus, vocab = data.build(data._download())
words = data._preprocess(data._download()).split()
grams = [words, list(zip(words, words[1:])), list(zip(words, words[1:], words[2:]))]
freqs = [[count for _, count in d2l.Vocab(["--".join(g) if isinstance(g, tuple) else g
          for g in gram]).token_freqs] for gram in grams]
d2l.plot(freqs, xlabel="token", ylabel="frequency", xscale="log", yscale="log")
"""
TRAINING = """
data = example.d2l_data(raw)
{rnn}
d2l.Trainer(max_epochs={epochs}, gradient_clip_val=1, num_gpus=0).fit(model, data)
model.predict("it has", 20, data.vocab)
"""
SCRATCH = """
rnn = d2l.RNNScratch(num_inputs=len(data.vocab), num_hiddens=32)
model = d2l.RNNLMScratch(rnn, vocab_size=len(data.vocab), lr=1)
"""
CONCISE = """
rnn = d2l.RNN(num_inputs=len(data.vocab), num_hiddens=32)
model = d2l.RNNLM(rnn, vocab_size=len(data.vocab), lr=1)
"""
EPOCHS = 100


def _seconds(notebook, folder):
    client = NotebookClient(
        notebook, timeout=1800, resources={"metadata": {"path": folder}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )  # fmt: skip
    start = time.perf_counter()
    client.execute()
    return time.perf_counter() - start


def theirs():
    """Les durées (s) du travail de D2L ; ``rnn`` et ``bptt`` n'y calculent presque rien."""
    start = START.format(root=str(ROOT))
    jobs = {
        "sequence": SINE,
        "text-sequence": TEXT,
        "rnn-scratch": TRAINING.format(rnn=SCRATCH, epochs=EPOCHS),
        "rnn-concise": TRAINING.format(rnn=CONCISE, epochs=EPOCHS),
    }
    found = {}
    for name, code in jobs.items():
        cells = [nbformat.v4.new_code_cell(part) for part in (start, code)]
        found[name] = _seconds(nbformat.v4.new_notebook(cells=cells), str(ROOT))
    return found


def ours():
    """Les durées (s) de nos notebooks, par section, noyau et importation compris."""
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text("utf-8"))
    found = {}
    for name in (chapter["file"] for chapter in toc["parts"][0]["chapters"]):
        path = ROOT / "notebooks" / f"{name}.ipynb"
        found[name] = _seconds(nbformat.read(path, as_version=4), str(path.parent))
    return found
