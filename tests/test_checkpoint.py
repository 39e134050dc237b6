"""Couper puis reprendre vaut une seule traite ; un fichier qui ne convient pas est refusé."""

import math
import os

import pytest
import torch

from d2l_fr import training
from d2l_fr.checkpoint import load_checkpoint, save_checkpoint
from d2l_fr.rnn_concise import RNNLM
from d2l_fr.rnn_scratch import RNNLMScratch, RNNScratch
from d2l_fr.training import fit

V = 7
torch.manual_seed(0)
TEXT = torch.cat([torch.arange(1, V).repeat(40), torch.randint(1, V, (60,))])
VALID = torch.arange(1, V).repeat(8)
SETTINGS = {"num_epochs": 5, "batch_size": 8, "num_steps": 6, "lr": 0.02, "progress": False}


def scratch(num_hiddens=10):
    torch.manual_seed(0)
    return RNNLMScratch(RNNScratch(V, num_hiddens), V)


def concise(cell="lstm"):
    torch.manual_seed(0)
    return RNNLM(V, 8, cell=cell, num_layers=2, num_embed=5, dropout=0.3)


def same(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def interrupt_after(monkeypatch, epochs):
    """Un Ctrl-C au début de l'époque ``epochs + 1``."""
    real, done = training.train_epoch, []

    def stopping(*args):
        if len(done) == epochs:
            raise KeyboardInterrupt
        done.append(1)
        return real(*args)

    monkeypatch.setattr(training, "train_epoch", stopping)


@pytest.mark.parametrize("make", [scratch, concise])
@pytest.mark.parametrize("valid", [VALID, None])
@pytest.mark.parametrize("carry_state", [True, False])
@pytest.mark.parametrize("epochs", [1, 3])
def test_resuming_is_going_on(tmp_path, monkeypatch, make, valid, carry_state, epochs):
    options = SETTINGS | {"carry_state": carry_state}
    straight = make()
    expected = fit(straight, TEXT, valid, **options)
    path = tmp_path / "reprise.pt"
    with monkeypatch.context() as patch:
        interrupt_after(patch, epochs)
        first = fit(make(), TEXT, valid, checkpoint=path, **options)
    assert first.interrupted and len(first.train) == epochs
    torch.manual_seed(99)
    resumed = make()
    with torch.no_grad():
        for weight in resumed.parameters():  # les poids de départ n'ont plus d'importance
            weight.normal_()
    history = fit(resumed, TEXT, valid, checkpoint=path, **options)
    assert same(resumed, straight)
    assert not history.interrupted
    assert (history.train, history.valid) == (expected.train, expected.valid)
    assert (history.grad_norms, history.tokens) == (expected.grad_norms, expected.tokens)
    assert history.best_epoch == expected.best_epoch


def test_a_finished_training_is_only_read_back(tmp_path):
    path, nets = tmp_path / "reprise.pt", (scratch(), scratch())
    first = fit(nets[0], TEXT, VALID, checkpoint=path, **SETTINGS)
    stamp = path.stat().st_mtime_ns
    again = fit(nets[1], TEXT, VALID, checkpoint=str(path), **SETTINGS)
    assert first == again and same(*nets) and path.stat().st_mtime_ns == stamp
    assert os.listdir(tmp_path) == ["reprise.pt"]


def test_patience_survives_a_resumption(tmp_path, monkeypatch):
    path = tmp_path / "reprise.pt"
    scripted = iter([2.0, 1.0, 3.0])
    monkeypatch.setattr(training, "evaluate", lambda net, tokens: next(scripted))
    with monkeypatch.context() as patch:
        interrupt_after(patch, 3)
        fit(scratch(), TEXT, VALID, checkpoint=path, patience=2, **SETTINGS)
    scripted = iter([1.5])
    history = fit(scratch(), TEXT, VALID, checkpoint=path, patience=2, **SETTINGS)
    assert history.valid == [2.0, 1.0, 3.0, 1.5] and history.best_epoch == 2


# ---------- refuser


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "reprise.pt"
    fit(scratch(), TEXT, VALID, checkpoint=path, **SETTINGS | {"num_epochs": 2})
    return path


def refused(path, net, match, train=TEXT, valid=VALID, **options):
    before = {name: weight.clone() for name, weight in net.state_dict().items()}
    content = path.read_bytes()
    with pytest.raises(ValueError, match=match) as info:
        fit(net, train, valid, checkpoint=path, **SETTINGS | {"num_epochs": 2} | options)
    assert str(info.value).endswith(". Supprimez-le, ou donnez un autre nom à checkpoint.")
    assert all(torch.equal(before[n], weight) for n, weight in net.state_dict().items())
    assert path.read_bytes() == content


def test_another_model_is_refused(saved):
    refused(saved, scratch(12), r"autre modèle \(RNNLMScratch, 257 poids ; ici RNNLMScratch, 331")
    refused(saved, concise(), "ici RNNLM, ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lr": 0.01}, r"lr = 0\.02, ici 0\.01"),
        ({"seed": 1, "clip": None}, r"clip = 1\.0, ici None, seed = 0, ici 1"),
        ({"num_epochs": 3}, "num_epochs = 2, ici 3"),
        ({"train": TEXT.flip(0)}, "train = 300 jetons, empreinte .*, ici 300 jetons"),
        ({"valid": VALID[:-1]}, "valid = 48 jetons"),
        ({"valid": None}, "ici None"),
    ],
)
def test_other_settings_are_refused(saved, options, said):
    refused(saved, scratch(), said, **options)


def test_a_damaged_file_is_refused(saved):
    whole = saved.read_bytes()
    for size in (0, 1, 30, len(whole) // 2, len(whole) - 1):
        saved.write_bytes(whole[:size])
        refused(saved, scratch(), "n'est pas un point de reprise lisible")
    saved.write_bytes(b"Il faisait nuit.\n" * 40)
    refused(saved, scratch(), "n'est pas un point de reprise lisible")


@pytest.mark.parametrize("content", [torch.ones(3), {"format": "autre"}, [1], {}])
def test_another_torch_file_is_refused(saved, content):
    torch.save(content, saved)
    refused(saved, scratch(), "n'est pas un point de reprise lisible")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda optimizer: optimizer["param_groups"][0].update(params=[0]),
        lambda optimizer: optimizer["state"][1].pop("step"),
        lambda optimizer: [kept.pop("step") for kept in optimizer["state"].values()],
        lambda optimizer: optimizer["state"].update({1: None}),
    ],
)
def test_another_optimizer_is_refused_and_nothing_moves(saved, spoil):
    net = scratch()
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.5)
    content = torch.load(saved)
    settings = content["settings"]
    spoil(content["optimizer"])
    torch.save(content, saved)
    with pytest.raises(ValueError, match="n'est pas un point de reprise lisible"):
        load_checkpoint(saved, net, optimizer, settings)
    assert same(net, scratch())
    assert optimizer.param_groups[0]["lr"] == 0.5 and not optimizer.state


@pytest.mark.parametrize("part", ["identity", "settings", "progress", "optimizer", "model", "best"])
def test_a_file_that_lacks_a_part_is_refused(saved, part):
    content = torch.load(saved)
    del content[part]
    torch.save(content, saved)
    refused(saved, scratch(), "n'est pas un point de reprise lisible")


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("model", lambda weights: [*weights]),
        ("model", lambda weights: weights | {"b_q": 1.0}),
        ("model", lambda weights: weights | {"b_q": torch.ones(2)}),
        ("best", lambda weights: weights | {"b_q": torch.ones(2)}),
        ("best", lambda weights: {}),
        ("identity", lambda identity: {"shapes": identity["shapes"]}),
        ("identity", lambda identity: {"class": identity["class"]}),
        ("progress", lambda progress: None),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(saved, part, change):
    content = torch.load(saved)
    content[part] = change(content[part])
    torch.save(content, saved)
    refused(saved, scratch(), "n'est pas un point de reprise lisible")


def test_the_file_is_written_as_before(saved):
    """Le format ne bouge pas : un entraînement commencé avec une autre version reprend."""
    content = torch.load(saved)
    assert content["format"] == "d2l_fr.fit"
    names = {"format", "identity", "settings", "model", "optimizer", "progress", "best"}
    assert content.keys() == names and content["identity"].keys() == {"class", "shapes"}


def test_a_file_too_big_for_the_memory_is_not_called_damaged(saved, monkeypatch):
    def full(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(torch, "load", full)
    with pytest.raises(MemoryError):
        fit(scratch(), TEXT, VALID, checkpoint=saved, **SETTINGS)


def test_code_hidden_in_a_file_is_not_run(saved):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(saved.parent / "piégé"),)

    torch.save({"format": "d2l_fr.fit", "x": Trap()}, saved)
    refused(saved, scratch(), "n'est pas un point de reprise lisible")
    assert not (saved.parent / "piégé").exists()


def test_a_missing_folder_is_told_before_learning(tmp_path):
    net = scratch()
    before = net.rnn.W_hh.clone()
    with pytest.raises(FileNotFoundError, match=r"Le dossier .*absent n'existe pas : créez-le"):
        fit(net, TEXT, checkpoint=tmp_path / "absent" / "reprise.pt", **SETTINGS)
    assert torch.equal(net.rnn.W_hh, before)


# ---------- écrire


def write(path, net, **progress):
    optimizer = torch.optim.AdamW(net.parameters())
    save_checkpoint(path, net, optimizer, {}, progress, None)
    return optimizer


def test_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(OSError, match="Impossible d'écrire le point de reprise"):
        write(tmp_path / "absent" / "reprise.pt", scratch())


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError])
def test_a_cut_while_writing_leaves_the_previous_file(tmp_path, monkeypatch, error):
    path = tmp_path / "reprise.pt"
    net = scratch()
    optimizer = write(path, net, seconds=1.0)
    real = torch.save

    def cut(content, where):
        real(content, where)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", cut)
        with pytest.raises(KeyboardInterrupt if error is KeyboardInterrupt else OSError):
            write(path, net, seconds=2.0)
    assert os.listdir(tmp_path) == ["reprise.pt"]
    assert load_checkpoint(path, net, optimizer, {}) == ({"seconds": 1.0}, None)


def test_nothing_to_read(tmp_path):
    net = scratch()
    optimizer = torch.optim.AdamW(net.parameters())
    assert load_checkpoint(tmp_path / "reprise.pt", net, optimizer, {}) == (None, None)
    assert math.isfinite(float(net.W_hq.detach().sum()))
