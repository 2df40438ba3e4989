//! Tables in CSV files.

use neuropil::data::Csv;
use neuropil::ndarray::Array2;
use neuropil::prelude::*;

use super::Mistake;

const TEXT: &str = "age,fare\n22,7.25\nold,8\n";

fn numbers(text: &str, name: &str) -> Result<()> {
    Csv::new().parse(text)?.numbers::<f32, _>(&[name]).map(|_: Array2<f32>| ())
}

pub(super) const MISTAKES: &[Mistake] = &[
    (
        "a column that the table does not have",
        || numbers(TEXT, "price"),
        "the CSV text: there is no column `price`, only age, fare",
    ),
    (
        "a text in a column of numbers",
        || numbers(TEXT, "age"),
        "the CSV text, line 3, column 1: `old` in `age` is not a number; leave the field empty if it is missing, or \
         read the column as text",
    ),
    (
        "a row with a field too few",
        || numbers("age,fare\n22,7.25\n35\n", "age"),
        "the CSV text, line 3, column 2: the line has 1 fields, the first one 2",
    ),
    (
        "two columns of one name",
        || numbers("age,age\n22,7.25\n", "age"),
        "the CSV text, line 1, column 2: it is called `age`, and so is column 1",
    ),
    ("an empty table", || numbers("", "age"), "the CSV text: there is nothing in it"),
    (
        "a table with another delimiter",
        || numbers("age;fare\n22;7.25\n", "fare"),
        "the CSV text: there is no column `fare`, only age;fare",
    ),
];
