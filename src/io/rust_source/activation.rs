//! Each activation as a Rust expression of `x`, with the operations of its `apply` in the same order.

use super::literal;
use crate::spec::Spec;
use crate::{Result, Scalar};

pub(super) fn formula<A: Scalar>(spec: &Spec) -> Result<Option<String>> {
    let fixed = |x: f64| literal(A::of(x));
    let number = |name| spec.number(name).map(fixed);
    let clamp = |x: &str, low: f64, high: f64| format!("minimum(maximum({x}, {}), {})", fixed(low), fixed(high));
    let bent = |bent: String| format!("{{ let bent = {bent}; if x > 0.0 {{ x }} else {{ bent }} }}");
    let hard_sigmoid = || format!("{} / 6.0", clamp("x + 3.0", 0.0, 6.0));
    Ok(Some(match spec.kind() {
        "celu" => {
            let alpha = number("alpha")?;
            bent(format!("{alpha} * math::exp_m1(x / ({alpha}))"))
        }
        "elu" => bent(format!("{} * math::exp_m1(x)", number("alpha")?)),
        "gelu" => "maximum(x, -40.0) * math::normal_cdf(x)".into(),
        "gelu_tanh" => {
            let (slope, cube) = (1.595_769_121_605_730_8, 0.044_715);
            let twice_u = format!("x * ({} + {} * (x * x))", fixed(slope), fixed(slope * cube));
            format!("maximum(x, -40.0) * math::sigmoid({twice_u})")
        }
        "hard_shrink" => format!("if x.abs() <= {} {{ 0.0 }} else {{ x }}", number("lambda")?),
        "hard_sigmoid" => hard_sigmoid(),
        "hard_swish" => format!("maximum(x, -3.0) * ({})", hard_sigmoid()),
        "hard_tanh" => clamp("x", spec.number("min")?, spec.number("max")?),
        "identity" => "x".into(),
        "leaky_relu" => bent(format!("{} * x", number("slope")?)),
        "log_sigmoid" => "minimum(x, 0.0) - math::ln_1p(math::exp(-x.abs()))".into(),
        "mish" => {
            let e = "let e = math::exp(minimum(x, 40.0)); let n = e * (e + 2.0);";
            format!("{{ {e} maximum(x, -1000.0) * (n / (n + 2.0)) }}")
        }
        "r_relu" => bent(format!("{} * x", fixed(spec.number("lower")?.midpoint(spec.number("upper")?)))),
        "relu" => "maximum(x, 0.0)".into(),
        "relu6" => clamp("x", 0.0, 6.0),
        "selu" => {
            let (scale, bent) = (fixed(1.050_700_987_355_480_5), fixed(1.758_099_340_847_376_6));
            format!("{{ let bent = {bent} * math::exp_m1(x); if x > 0.0 {{ {scale} * x }} else {{ bent }} }}")
        }
        "sigmoid" => "math::sigmoid(x)".into(),
        "sign" => "{ let y = if x > 0.0 { 1.0 } else { x }; if x < 0.0 { -1.0 } else { y } }".into(),
        "silu" => "maximum(x, -1000.0) * math::sigmoid(x)".into(),
        "soft_shrink" => {
            let lambda = spec.number("lambda")?;
            format!("x - {}", clamp("x", -lambda, lambda))
        }
        "softplus" => {
            let (beta, threshold) = (number("beta")?, number("threshold")?);
            format!(
                "{{ let z = {beta} * x; let y = maximum(x, 0.0) + math::ln_1p(math::exp(-z.abs())) / ({beta}); \
                 if z > {threshold} {{ x }} else {{ y }} }}"
            )
        }
        "softsign" => format!("{{ let x = {}; x / (1.0 + x.abs()) }}", clamp("x", -1e30, 1e30)),
        "step" => {
            let step = format!("if x >= {} {{ 1.0 }} else {{ 0.0 }}", number("threshold")?);
            format!("if x.is_nan() {{ x }} else {{ {step} }}")
        }
        "tanh" => "math::tanh(x)".into(),
        "tanh_shrink" => "x - math::tanh(x)".into(),
        "threshold" => format!("if x <= {} {{ {} }} else {{ x }}", number("threshold")?, number("value")?),
        _ => return Ok(None),
    }))
}
