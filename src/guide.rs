#![doc = include_str!("../docs/guide/src/introduction.md")]

/// A module for each chapter, whose listings are tests.
macro_rules! chapters {
    ($($chapter:ident)*) => {$(
        #[doc = include_str!(concat!("../docs/guide/src/", stringify!($chapter), ".md"))]
        pub mod $chapter {}
    )*};
}

chapters! {
    first_network images sequences two_inputs own_loop own_layer saving serving training_well numerics speed
    from_pytorch from_keras from_scikit_learn
    one_neuron forward_and_backward how_they_learn matrices xor
}
