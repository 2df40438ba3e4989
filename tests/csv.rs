//! Tables from CSV files, and malformed files.

#![cfg(feature = "csv")]

use neuropil::data::{Csv, LabelEncoder, OneHot, Split, Table};
use neuropil::ndarray::{Array2, array};
use neuropil::{Error, rng};

/// A text, the names of its columns, and what is in them.
type Good<'a> = (&'a [u8], &'a [&'a str], &'a [&'a [&'a str]]);

fn texts(table: &Table) -> Vec<Vec<&str>> {
    table.names().iter().map(|name| table.text(name).unwrap()).collect()
}

#[test]
fn fields_are_what_was_written() {
    let cases: [Good<'_>; 10] = [
        (b"a,b\n1,2\n3,4\n", &["a", "b"], &[&["1", "3"], &["2", "4"]]),
        (b"a,b\r\n1,2\r\n3,4", &["a", "b"], &[&["1", "3"], &["2", "4"]]),
        (b"\xef\xbb\xbfa,b\n1,2", &["a", "b"], &[&["1"], &["2"]]),
        (b"\n\na,b\n\n1,2\n\n\n3,4\n\n", &["a", "b"], &[&["1", "3"], &["2", "4"]]),
        (b" a ,\tb\n 1, 2 \n", &["a", "b"], &[&["1"], &["2"]]),
        (b"a,b\n\"x, \"\"y\"\"\nz\",\"\"\n", &["a", "b"], &[&["x, \"y\"\nz"], &[""]]),
        (b"a,b\n,\n", &["a", "b"], &[&[""], &[""]]),
        (b"a\n1\n\"\"\n3\n", &["a"], &[&["1", "", "3"]]),
        (b"a,b\n5\" pipe,\xc3\xa4\n", &["a", "b"], &[&["5\" pipe"], &["\u{e4}"]]),
        (b"a,b\n", &["a", "b"], &[&[], &[]]),
    ];
    for (text, names, columns) in &cases {
        let table = Csv::new().parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(table.names(), *names);
        assert_eq!(texts(&table), *columns, "{text:?}");
        assert_eq!((table.len(), table.is_empty()), (columns[0].len(), columns[0].is_empty()));
    }
    let table = Csv::new().delimiter(b'\t').without_names().missing(["NA", "?"]).parse("1\tNA\n?\t-2e-3\n").unwrap();
    assert_eq!(table.names(), ["0", "1"]);
    assert_eq!(table.text("1").unwrap(), ["", "-2e-3"]);
    let x: Array2<f32> = table.numbers(&["1", "0", "1"]).unwrap();
    assert_eq!(x.dim(), (2, 3));
    assert!(x[[0, 0]].is_nan() && x[[1, 1]].is_nan() && x[[0, 2]].is_nan());
    assert_eq!((x[[0, 1]], x[[1, 0]], x[[1, 2]]), (1.0, -2e-3, -2e-3));
}

#[test]
fn malformed_tables_name_line_and_column() {
    let good = "age,fare\n22,7.25\n";
    let field = |text: &[u8]| match Csv::new().parse(text).and_then(|table| table.numbers::<f64, _>(table.names())) {
        Err(Error::Field { line, column, problem, what }) => {
            assert_eq!(what, "the CSV text");
            (line, column, problem)
        }
        other => panic!("{other:?} from {text:?}"),
    };
    let cases: [(&[u8], u64, usize, &str); 19] = [
        (b"a,b\n1,2\n3\n", 3, 2, "the line has 1 fields, the first one 2"),
        (b"a,b\n1,2,3\n", 2, 3, "the line has 3 fields, the first one 2"),
        (b"a,b\n\n\n1,2\n\n3,4,\n", 6, 3, "the line has 3 fields, the first one 2"),
        (b"a,b\r\n\r\n1\r\n", 3, 2, "the line has 1 fields"),
        (b"a,b\n\"x\ny\",2\n3\n", 4, 2, "the line has 1 fields"),
        (b"a,b\n1,2\n3,four\n", 3, 2, "`four` in `b` is not a number"),
        (b"a,b\n1,2\n\n\n1 000,4\n", 5, 1, "`1 000` in `a` is not a number"),
        (b"a,b\n1,\"2,5\"\n", 2, 2, "`2,5` in `b` is not a number"),
        (b"a,b\n1,0x10\n", 2, 2, "`0x10` in `b` is not a number"),
        (b"a,b\n1,--2\n", 2, 2, "`--2` in `b` is not a number"),
        (b"a,b\n1,NA\n", 2, 2, "`NA` in `b` is not a number"),
        (b"a,b,a\n1,2,3\n", 1, 3, "it is called `a`, and so is column 1"),
        (b"\n,a,\n", 2, 3, "it is called ``, and so is column 1"),
        (b"a,b\n1,\xff\n", 2, 2, "it is not UTF-8 text"),
        (b"\xfe,b\n1,2\n", 1, 1, "it is not UTF-8 text"),
        (b"a,b\n1,\"2\n3,4\n", 2, 2, "a quotation mark is never closed"),
        (b"a,b\n1,2\n\"3,4\n5,6\n", 3, 1, "a quotation mark is never closed"),
        (b"a\n\"", 2, 1, "a quotation mark is never closed"),
        (b"a,b\n1,\"2\n3\"x,4\n", 2, 3, "the line has 3 fields"),
    ];
    for (text, line, column, problem) in &cases {
        let (l, c, p) = field(text);
        assert_eq!((l, c), (*line, *column), "{text:?}: {p}");
        assert!(p.starts_with(problem), "{text:?}: {p}");
    }

    let problem = |text: &[u8]| match Csv::new().parse(text) {
        Err(Error::Format { problem, .. }) => problem,
        other => panic!("{other:?} from {text:?}"),
    };
    for nothing in [&b""[..], b"\n", b"\r\n\n"] {
        assert_eq!(problem(nothing), "there is nothing in it");
    }
    let table = Csv::new().parse(good).unwrap();
    assert_eq!(table.text("Age").unwrap_err().to_string(), "the CSV text: there is no column `Age`, only age, fare");
    assert!(matches!(table.numbers::<f32, _>(&["age", "cabin"]), Err(Error::Format { .. })));
    for delimiter in [b'"', b'\n', b'\r', 4, 0xff] {
        assert!(matches!(Csv::new().delimiter(delimiter).parse(good), Err(Error::Setting { .. })));
    }
    assert!(matches!(Csv::new().read("/nonexistent.csv"), Err(Error::File { .. })));
    let path = std::env::temp_dir().join(format!("neuropil-csv-{}.csv", std::process::id()));
    std::fs::write(&path, "a,b\n1\n").unwrap();
    let error = Csv::new().read(&path).unwrap_err().to_string();
    std::fs::write(&path, good).unwrap();
    let read = Csv::new().read(&path).unwrap();
    std::fs::write(&path, [0x1f, 0x8b, 8, 0]).unwrap();
    let damaged = Csv::new().read(&path);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(error, format!("{}, line 2, column 2: the line has 1 fields, the first one 2", path.display()));
    assert_eq!(texts(&read), texts(&table));
    assert!(matches!(damaged, Err(Error::Format { .. })));
}

#[test]
#[cfg(feature = "gzip")]
fn compressed_tables_read_like_plain_ones() {
    use std::io::Write;
    let text = "a,b\n1,x\n2,y\n";
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    let path = std::env::temp_dir().join(format!("neuropil-csv-{}.csv.gz", std::process::id()));
    std::fs::write(&path, encoder.finish().unwrap()).unwrap();
    let table = Csv::new().read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(texts(&table), texts(&Csv::new().parse(text).unwrap()));
}

/// Any text is a table or an error: nothing panics, and no row has another number of fields.
#[test]
fn random_texts_are_tables_or_errors() {
    use neuropil::rand::RngExt;
    let mut rng = rng(5);
    let (mut tables, mut errors) = (0, 0);
    for _ in 0..3000 {
        let length = rng.random_range(0..24);
        let text: Vec<u8> = (0..length).map(|_| b"a1,,\"\n\n\r \xc3"[rng.random_range(0..10)]).collect();
        match Csv::new().parse(&text) {
            Ok(table) => {
                assert!(texts(&table).iter().all(|column| column.len() == table.len()));
                tables += 1;
            }
            Err(_) => errors += 1,
        }
    }
    assert!(tables > 200 && errors > 200, "{tables} {errors}");
}

#[test]
fn rows_are_chosen_and_encoded() {
    let text = "kind,size,label\nS,1,cat\nC,2,dog\n,3,dog\nS,4,cat\nQ,5,dog\nS,,cat\n";
    let table = Csv::new().parse(text).unwrap();
    let chosen = table.select(&[4, 1, 1]).unwrap();
    assert_eq!(chosen.text("kind").unwrap(), ["Q", "C", "C"]);
    assert_eq!(chosen.numbers::<f64, _>(&["size"]).unwrap(), array![[5.0], [2.0], [2.0]]);
    // An error still names the line of the file.
    let error = chosen.numbers::<f64, _>(&["label"]).unwrap_err();
    assert!(matches!(error, Error::Field { line: 6, column: 3, .. }), "{error}");
    let error = table.select(&[0, 6]).unwrap_err();
    assert_eq!(error.to_string(), "the index of a sample must be below the number of samples, got 6");

    let labels = LabelEncoder::fit(&table.text("label").unwrap()).unwrap();
    let target = labels.transform::<f64, _>(&table.text("label").unwrap()).unwrap();
    assert_eq!(target, array![[0.0], [1.0], [1.0], [0.0], [1.0], [0.0]]);
    let split = Split::stratified(&target, 1.0 / 3.0, &mut rng(1)).unwrap();
    let (train, test) = (table.select(&split.train).unwrap(), table.select(&split.test).unwrap());
    assert_eq!((train.len(), test.len()), (4, 2));
    let kinds = OneHot::fit(&train.text("kind").unwrap()).unwrap().ignore_unknown();
    let x: Array2<f32> = kinds.transform(&test.text("kind").unwrap()).unwrap();
    assert_eq!(x.dim(), (2, kinds.categories().len()));
}
