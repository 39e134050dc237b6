"""La rétropropagation à travers le temps, écrite à la main, tronquée, et mesurée.

Page : bptt. B séquences, T pas de temps, m unités cachées. Les vecteurs sont en ligne : la
jacobienne d'un pas multiplie à droite, ``dh_t = dh_{t-1} J_t``, avec
``J_t = W_hh diag(1 - h_t²)``.
"""

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from d2l_fr.sequence import check_count

__all__ = [
    "BPTT",
    "bptt_recurrence",
    "gradient_norms_by_lag",
    "jacobian_products",
    "random_gates",
    "regular_gates",
    "step_jacobian",
]


class BPTT(torch.autograd.Function):
    """Une récurrence tanh dont la rétropropagation est écrite à la main.

    S'emploie par ``bptt_recurrence`` ; ``gates`` est ici une liste de T nombres. Une seule
    dérivée : pas de gradient du gradient. Page : bptt.
    """

    @staticmethod
    def forward(ctx, X, H0, W_xh, W_hh, b_h, gates):
        """Rend les états H_1 … H_T, de forme (T, B, m)."""
        T, B, d = X.shape
        states = X.new_empty(T, B, len(b_h))
        torch.addmm(b_h, X.reshape(T * B, d), W_xh, out=states.view(T * B, -1))
        H = H0
        for A in states:  # chaque tranche (B, m) devient, sur place, l'état de son pas
            H = A.addmm_(H, W_hh).tanh_()
        ctx.save_for_backward(X, H0, W_xh, W_hh, states)
        ctx.gates = gates
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_states):
        """Reçoit ``∂L/∂H_t`` par les seules sorties ; rend les gradients de X, H_0 et des poids."""
        X, H0, W_xh, W_hh, states = ctx.saved_tensors
        T, B, d = X.shape
        W_back = W_hh.T.contiguous()  # lue à chaque pas : on la range une fois pour toutes
        grad_A = grad_states.clone(memory_format=torch.contiguous_format)
        for t in reversed(range(T)):
            D, H = grad_A[t], states[t]
            if t < T - 1:  # ce qui remonte du pas suivant s'ajoute à ce que dit la sortie
                D.addmm_(grad_A[t + 1], W_back, alpha=ctx.gates[t + 1])
            D.addcmul_(D * H, H, value=-1)  # fois φ'(A_t) = 1 - H_t², lu sur l'état lui-même
        flat = grad_A.flatten(0, 1)  # (T·B, m) : un produit par matrice, et non un par pas
        needs_X, needs_H0 = ctx.needs_input_grad[:2]  # des codes one-hot n'ont pas de gradient
        grad_X = (flat @ W_xh.T).view(X.shape) if needs_X else None
        grad_H0 = ctx.gates[0] * grad_A[0] @ W_back if needs_H0 else None
        grad_W_xh = X.reshape(T * B, d).T @ flat
        grad_W_hh = torch.addmm(H0.T @ grad_A[0], states[:-1].flatten(0, 1).T, flat[B:])
        return grad_X, grad_H0, grad_W_xh, grad_W_hh, flat.sum(0), None


def bptt_recurrence(X, H0, W_xh, W_hh, b_h, gates=None):
    """Calcule les états (T, B, m) comme ``loop_recurrence`` ; le gradient est écrit à la main.

    ``gates`` (T,) multiplie le gradient qui remonte du pas t à l'état précédent : None, ou des 1,
    pour la rétropropagation complète ; voir ``regular_gates`` et ``random_gates``. Les valeurs
    des états n'en dépendent pas. ``RNNScratch(…, recurrence=d2l.bptt_recurrence)`` l'emploie.
    Lève ``ValueError`` si ``gates`` n'a pas la forme (T,). Page : bptt.
    """
    gates = torch.ones(len(X)) if gates is None else torch.as_tensor(gates)
    if gates.shape != X.shape[:1]:
        raise ValueError(f"gates {tuple(gates.shape)} : il faut une valeur par pas, {(len(X),)}.")
    return BPTT.apply(X, H0, W_xh, W_hh, b_h, gates.tolist())


def regular_gates(num_steps, window):
    """Rend les facteurs (T,) d'une troncature régulière : 0 tous les ``window`` pas, sinon 1.

    La suite est découpée en fenêtres, comme si l'on détachait l'état tous les ``window`` pas :
    aucun gradient ne passe de l'une à la précédente. Seule la première atteint H_0. Avec
    ``window >= num_steps``, rien n'est coupé. Page : bptt.
    """
    check_count(num_steps=num_steps, window=window)
    steps = torch.arange(num_steps)
    return ((steps % window != 0) | (steps == 0)).to(torch.get_default_dtype())


def random_gates(num_steps, keep, generator=None):
    """Tire les facteurs (T,) d'une troncature aléatoire : chacun vaut ``1/keep``, ou 0.

    Il n'est pas nul avec la probabilité ``keep``, si bien que son espérance est 1 : le gradient
    tronqué est sans biais. Lève ``ValueError`` si ``keep`` n'est pas dans ]0, 1]. Page : bptt.
    """
    check_count(num_steps=num_steps)
    if not 0 < keep <= 1:
        raise ValueError(f"keep = {keep} : il faut une probabilité non nulle, d'au plus 1.")
    passes = torch.rand(num_steps, generator=generator) < keep
    return passes.to(torch.get_default_dtype()) / keep


def step_jacobian(h, W_hh):
    """Rend la jacobienne (m, m) d'un pas tanh, ``∂h_t/∂h_{t-1}``, à partir de l'état h_t (m,).

    La ligne i dit comment bouge tout l'état quand bouge la composante i du précédent.
    Page : bptt.
    """
    return W_hh * (1 - h**2)


def jacobian_products(states, W_hh):
    """Rend les produits (T, m, m) des jacobiennes le long d'une suite d'états (T, m).

    Le produit d'indice k - 1 couvre les k derniers pas : ``∂h_T/∂h_{T-k}``. Lève ``ValueError`` si
    les formes ne s'accordent pas. Page : bptt.
    """
    if states.ndim != 2 or not len(states) or W_hh.shape != (states.shape[1],) * 2:
        raise ValueError(
            f"États {tuple(states.shape)}, W_hh {tuple(W_hh.shape)} : il faut (T, m), avec T au "
            "moins 1, et (m, m)."
        )
    products = [step_jacobian(states[-1], W_hh)]
    for h in states[:-1].flip(0):
        products.append(step_jacobian(h, W_hh) @ products[-1])
    return torch.stack(products)


@torch.enable_grad()
def gradient_norms_by_lag(model, tokens):
    """Mesure ce qui reste du gradient, de retard en retard : rend T normes, du retard 0 à T - 1.

    ``tokens`` (B, T + 1) : le modèle lit T jetons et l'on dérive la perte du dernier, seule. La
    valeur d'indice k est la norme de son gradient par rapport à l'état de k pas plus tôt (état
    et mémoire ensemble pour un LSTM), en moyenne sur les B séquences. Vaut pour ``RNNLMScratch``
    comme pour ``RNNLM``. Lève ``ValueError`` s'il y a moins de deux colonnes. Page : bptt.
    """
    if tokens.ndim != 2 or tokens.shape[1] < 2:
        raise ValueError(f"tokens {tuple(tokens.shape)} : il faut (B, T + 1), avec T au moins 1.")
    was_training = model.training
    model.eval()
    state, past = None, []
    # cuDNN (sur un GPU) ne sait pas rétropropager un réseau mis en évaluation ; PyTorch, si.
    with torch.backends.cudnn.flags(enabled=False):
        for x in model.embed(tokens[:, :-1]).detach().split(1):  # un pas : on garde chaque état
            _, state = model.rnn(x, state)
            parts = state if isinstance(state, tuple) else (state,)
            past.append([part.requires_grad_() for part in parts])
        last = past[-1][0]  # (B, m), ou (couches, B, m) : la sortie ne lit que la dernière couche
        logits = model.output(last if last.ndim == 2 else last[-1])
        loss = F.cross_entropy(logits, tokens[:, -1], reduction="sum")
        inputs = [part for parts in past for part in parts]
        # La mémoire du dernier pas d'un LSTM n'agit sur rien : son gradient est nul.
        gradients = torch.autograd.grad(loss, inputs, allow_unused=True, materialize_grads=True)
    model.train(was_training)
    width = len(past[0])
    steps = [gradients[i : i + width] for i in range(0, len(gradients), width)]
    norms = torch.stack([_norm_per_sequence(parts).mean() for parts in reversed(steps)])
    return norms.detach()  # dans PyTorch 2.2, ce gradient nul demande lui-même un gradient


def _norm_per_sequence(parts):
    """La norme (B,), toutes couches réunies, de gradients (…, B, m).

    En float64 : en simple précision, le carré de 1e-23 vaut déjà zéro.
    """
    squares = [
        (part.cpu().double() ** 2).reshape(-1, *part.shape[-2:]).sum(dim=(0, 2)) for part in parts
    ]
    return sum(squares).sqrt()
