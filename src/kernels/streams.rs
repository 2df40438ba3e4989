//! [`Streams`]: the slices of an elementwise pass.

/// A slice, or a tuple of slices of the same length.
pub(crate) trait Streams: Sized + Send {
    /// The items at one position.
    type Item;
    /// The number of positions.
    fn len(&self) -> usize;
    /// The positions before and from `middle`.
    fn split_at(self, middle: usize) -> (Self, Self);
    /// The items at each position, in order.
    fn items(self) -> impl Iterator<Item = Self::Item>;
    /// Blocks of `N` positions; a remainder is dropped.
    fn blocks<const N: usize>(self) -> impl Iterator<Item = Self>;
}

impl<'a, T: Sync> Streams for &'a [T] {
    type Item = &'a T;
    #[inline(always)]
    fn len(&self) -> usize {
        <[T]>::len(self)
    }
    #[inline(always)]
    fn split_at(self, middle: usize) -> (Self, Self) {
        <[T]>::split_at(self, middle)
    }
    #[inline(always)]
    fn items(self) -> impl Iterator<Item = Self::Item> {
        self.iter()
    }
    #[inline(always)]
    fn blocks<const N: usize>(self) -> impl Iterator<Item = Self> {
        self.as_chunks::<N>().0.iter().map(<[T; N]>::as_slice)
    }
}

impl<'a, T: Send> Streams for &'a mut [T] {
    type Item = &'a mut T;
    #[inline(always)]
    fn len(&self) -> usize {
        <[T]>::len(self)
    }
    #[inline(always)]
    fn split_at(self, middle: usize) -> (Self, Self) {
        self.split_at_mut(middle)
    }
    #[inline(always)]
    fn items(self) -> impl Iterator<Item = Self::Item> {
        self.iter_mut()
    }
    #[inline(always)]
    fn blocks<const N: usize>(self) -> impl Iterator<Item = Self> {
        self.as_chunks_mut::<N>().0.iter_mut().map(<[T; N]>::as_mut_slice)
    }
}

macro_rules! tuple {
    ($first:ident $($rest:ident)+, $nested:pat) => {
        #[allow(non_snake_case)]
        impl<$first: Streams, $($rest: Streams),+> Streams for ($first, $($rest),+) {
            type Item = ($first::Item, $($rest::Item),+);
            #[inline(always)]
            fn len(&self) -> usize {
                let ($first, $($rest),+) = self;
                $(debug_assert_eq!($first.len(), $rest.len());)+
                $first.len()
            }
            #[inline(always)]
            fn split_at(self, middle: usize) -> (Self, Self) {
                let ($first, $($rest),+) = self;
                let $first = $first.split_at(middle);
                $(let $rest = $rest.split_at(middle);)+
                (($first.0, $($rest.0),+), ($first.1, $($rest.1),+))
            }
            #[inline(always)]
            fn items(self) -> impl Iterator<Item = Self::Item> {
                let ($first, $($rest),+) = self;
                $first.items()$(.zip($rest.items()))+.map(#[inline(always)] |$nested| ($first, $($rest),+))
            }
            #[inline(always)]
            fn blocks<const LENGTH: usize>(self) -> impl Iterator<Item = Self> {
                let ($first, $($rest),+) = self;
                $first.blocks::<LENGTH>()$(.zip($rest.blocks::<LENGTH>()))+.map(#[inline(always)] |$nested| ($first, $($rest),+))
            }
        }
    };
}
tuple!(P Q, (P, Q));
tuple!(P Q R, ((P, Q), R));
tuple!(P Q R S, (((P, Q), R), S));
tuple!(P Q R S T, ((((P, Q), R), S), T));
