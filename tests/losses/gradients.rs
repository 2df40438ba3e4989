//! Gradients against finite differences.

use std::collections::BTreeMap;

use neuropil::gradcheck;

use super::zoo::zoo;

/// Every loss with every setting, each at 24 random batches.
#[test]
fn finite_differences() {
    let mut compared = BTreeMap::new();
    for seed in 0..24 {
        let (rows, columns) = (1 + seed as usize % 4, 2 + seed as usize % 5);
        for (at, specimen) in zoo::<f64>(rows, columns, seed).iter().enumerate() {
            for loss in [&specimen.loss, &specimen.sum] {
                let report = gradcheck::loss(&**loss, &specimen.y, &specimen.target).unwrap();
                assert!(report.passes(1e-7), "{loss:?}, seed {seed}: {report}");
                assert_eq!(report.compared, specimen.y.len());
                let (y, target) = (specimen.y.t().to_owned(), specimen.target.t().to_owned());
                assert_eq!(gradcheck::loss(&**loss, &y.t(), &target.t()).unwrap(), report);
                *compared.entry(at).or_insert(0) += report.compared;
            }
        }
    }
    assert_eq!(compared.len(), 40);
    let least = (0..24).map(|seed| 2 * (1 + seed % 4) * (2 + seed % 5)).sum::<usize>();
    assert!(compared.values().all(|&compared| compared >= least));
}
