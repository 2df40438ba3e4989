/// softmax(q·kᵀ/√width)·v in each head. If `masked`, trailing all-zero steps of `original` are padding and masked as
/// keys; `scores` has a number for each key. `allowed` is empty, or 0 where a query must not attend to a key.
pub fn attention(
    q: &[Number],
    k: &[Number],
    v: &[Number],
    original: &[Number],
    y: &mut [Number],
    scores: &mut [Number],
    allowed: &[Number],
    features: usize,
    heads: usize,
    causal: bool,
    masked: bool,
) {
    let (width, keys) = (features / heads, k.len() / features);
    let seen = if masked { steps_before_padding(original, features) } else { keys };
    let scale = 1.0 / math::sqrt(width as Number);
    for (query, (q, y)) in q.chunks_exact(features).zip(y.chunks_exact_mut(features)).enumerate() {
        let scores = &mut scores[..if causal { seen.min(query + 1) } else { seen }];
        for (head, (q, y)) in q.chunks_exact(width).zip(y.chunks_exact_mut(width)).enumerate() {
            for (score, k) in scores.iter_mut().zip(k.chunks_exact(features)) {
                *score = q.iter().zip(&k[head * width..]).fold(0.0, |sum, (q, k)| sum + q * k);
            }
            for (score, &allowed) in scores.iter_mut().zip(allowed.iter().skip(query * keys)) {
                if allowed == 0.0 {
                    *score = Number::NEG_INFINITY;
                }
            }
            let max = scores.iter().fold(Number::NEG_INFINITY, |max, &score| maximum(max, score));
            let mut sum = 0.0;
            for score in &mut *scores {
                *score = math::exp((*score - max) * scale);
                sum += *score;
            }
            y.fill(0.0);
            if max == Number::NEG_INFINITY {
                continue;
            }
            for (score, v) in scores.iter().zip(v.chunks_exact(features)) {
                for (y, v) in y.iter_mut().zip(&v[head * width..]) {
                    *y += score / sum * v;
                }
            }
        }
    }
}
