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
