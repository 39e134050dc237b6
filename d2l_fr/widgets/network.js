// Un petit réseau récurrent à caractères, dans le navigateur : un pas, des logits, softmax.
// Les poids sont ceux de PyTorch, décodés : W_xh (V, m), W_hh (m, m), b_h (m), W_hq (m, V), b_q (V).

/** L'état suivant (m) : tanh(W_xh[jeton] + h W_hh + b_h) ; `token` est l'indice du caractère lu. */
export function rnnStep({ W_xh, W_hh, b_h }, state, token) {
  const m = state.length, next = new Float64Array(m), row = token * m;
  for (let j = 0; j < m; j++) next[j] = W_xh.data[row + j] + b_h.data[j];
  for (let i = 0; i < m; i++) {
    const value = state[i], start = i * m;
    if (value !== 0) for (let j = 0; j < m; j++) next[j] += value * W_hh.data[start + j];
  }
  for (let j = 0; j < m; j++) next[j] = Math.tanh(next[j]);
  return next;
}

/** Les logits (V) d'un état (m) : h W_hq + b_q. */
export function logitsOf({ W_hq, b_q }, state) {
  const size = b_q.data.length, scores = Float64Array.from(b_q.data);
  for (let i = 0; i < state.length; i++) {
    const value = state[i], start = i * size;
    for (let j = 0; j < size; j++) scores[j] += value * W_hq.data[start + j];
  }
  return scores;
}

/** Les probabilités (V) de logits ; la température les divise d'abord. */
export function softmax(scores, temperature = 1) {
  let highest = -Infinity, total = 0;
  for (const score of scores) highest = Math.max(highest, score);
  const chances = Float64Array.from(scores, (score) => Math.exp((score - highest) / temperature));
  for (const chance of chances) total += chance;
  return chances.map((chance) => chance / total);
}

/**
 * Un pas de GRU, comme nn.GRU. W_xh (V, 3m) et W_hh (m, 3m) rangent les portes r, z, puis le
 * candidat n ; b_x est déjà dans W_xh, b_h (3m) reste du côté de l'état, que r multiplie après
 * le produit. Rend l'état et ce qu'il faut pour remonter.
 */
export function gruStep({ W_xh, W_hh, b_h }, state, token) {
  const m = state.length, row = token * 3 * m, own = Float64Array.from(b_h.data);
  for (let i = 0; i < m; i++) {
    const value = state[i], start = i * 3 * m;
    if (value !== 0) for (let j = 0; j < 3 * m; j++) own[j] += value * W_hh.data[start + j];
  }
  const next = new Float64Array(m), gates = new Float64Array(3 * m), sigmoid = (a) => 1 / (1 + Math.exp(-a));
  for (let j = 0; j < m; j++) {
    const r = sigmoid(W_xh.data[row + j] + own[j]), z = sigmoid(W_xh.data[row + m + j] + own[m + j]);
    const n = Math.tanh(W_xh.data[row + 2 * m + j] + r * own[2 * m + j]);
    gates[j] = r;
    gates[m + j] = z;
    gates[2 * m + j] = n;
    next[j] = (1 - z) * n + z * state[j];
  }
  return { state: next, gates, own };
}

/** Multiplie par la transposée de `W` (m, c) : rend `grad` (c) Wᵀ, de taille m. */
export function timesTransposed({ shape: [rows, columns], data }, grad) {
  const product = new Float64Array(rows);
  const whole = columns - (columns % 4);
  for (let i = 0, k = 0; i < rows; i++) {
    let a = 0, b = 0, c = 0, d = 0, j = 0; // quatre sommes : chacune n'attend pas la précédente
    for (; j < whole; j += 4, k += 4) {
      a += grad[j] * data[k];
      b += grad[j + 1] * data[k + 1];
      c += grad[j + 2] * data[k + 2];
      d += grad[j + 3] * data[k + 3];
    }
    for (; j < columns; j++) a += grad[j] * data[k++];
    product[i] = a + b + c + d;
  }
  return product;
}

/** Remonte un pas tanh : du gradient (m) de l'état d'arrivée `state`, à ceux de l'entrée et du départ. */
export function rnnBack({ W_hh }, grad, state) {
  const input = grad.map((g, j) => g * (1 - state[j] * state[j]));
  return { input, before: timesTransposed(W_hh, input) };
}

/** Remonte un pas de GRU ; `step` est ce qu'a rendu gruStep, `before` l'état d'avant. */
export function gruBack({ W_hh }, grad, { gates, own }, before) {
  const m = grad.length, input = new Float64Array(3 * m), inner = new Float64Array(3 * m);
  for (let j = 0; j < m; j++) {
    const r = gates[j], z = gates[m + j], n = gates[2 * m + j];
    const candidate = grad[j] * (1 - z) * (1 - n * n);
    input[j] = inner[j] = candidate * own[2 * m + j] * r * (1 - r);
    input[m + j] = inner[m + j] = grad[j] * (before[j] - n) * z * (1 - z);
    input[2 * m + j] = candidate;
    inner[2 * m + j] = candidate * r;
  }
  const back = timesTransposed(W_hh, inner);
  for (let j = 0; j < m; j++) back[j] += grad[j] * gates[m + j];
  return { input, before: back };
}
