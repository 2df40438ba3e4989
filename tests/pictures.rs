//! Every picture is valid SVG or PNG, has its labels, and is the same bytes for the same seed.

use neuropil::data::{self, Samples};
use neuropil::graph::Graph;
use neuropil::layers::Padding;
use neuropil::metrics::{Accuracy, ConfusionMatrix, RocCurve};
use neuropil::ndarray::{Array2, array, s};
use neuropil::plot::{self, Chart, Film};
use neuropil::prelude::*;
use neuropil::train::Trainer;
use neuropil::{Summary, Trace, terminal};

/// A picture of each kind, all from the same seeds.
fn pictures() -> Vec<(&'static str, String)> {
    let r = &mut rng(1);
    let moons = data::moons::<f64>(60, 0.2, r);
    let mut network = Sequential::mlp(&[2, 5, 2], Tanh, r).unwrap();
    let mut film = Film::new("Two moons", &moons).unwrap();
    let mut trainer =
        Trainer::new(CrossEntropy::new(), Adam::new(0.02)).epochs(3).batch_size(20).metric(Accuracy).validation(&moons);
    let history = trainer.fit(&mut network, &moons).unwrap();
    let rates = trainer.find_rate(&network, &moons, 1e-4..=1.0, 30).unwrap();
    let mut tape = Tape::new(&network, 1);
    let mut traces = Vec::new();
    for epoch in 0..3 {
        let (loss, mut adam) = (CrossEntropy::new(), Adam::new(0.02));
        traces.push(Trace::step(&mut tape, &mut network, &moons.x, &moons.target, &loss, &mut adam).unwrap());
        film.frame(&network, &format!("epoch {epoch}")).unwrap();
    }
    let y = network.predict(&moons.x).unwrap();
    let confusion = ConfusionMatrix::new(&y, &moons.target).unwrap();
    let roc = RocCurve::new(&y.slice(s![.., 1..2]).to_owned(), &moons.target).unwrap();
    let graph = Graph::<f64>::new();
    let (x, z) = (graph.scalar("x<1>", -2.0), graph.scalar("z & co", -4.0));
    let f = ((x + 5.0) * z).apply(Tanh);
    graph.retain_gradients();
    f.backward().unwrap();
    let digits = data::digits::<f64>();
    let few = digits.x.slice(s![..6, ..]);
    let reader = Sequential::mlp(&[64, 10], Relu, r).unwrap();
    let some = Samples::new(few.to_owned(), digits.target.slice(s![..6, ..]).to_owned()).unwrap();
    let image = Sequential::<f64>::new([2, 3, 4]).with(Tanh).unwrap();
    vec![
        ("graph", graph.svg()),
        ("trace", traces[0].svg().unwrap()),
        ("summary", Summary::new(&network, 4).unwrap().svg()),
        ("learning curves", plot::learning_curves(&history)),
        ("learning rate", plot::rate_curve(&rates)),
        ("gallery", plot::activation_gallery()),
        ("boundary", plot::boundary(&network, &moons, "Moons").unwrap()),
        ("confusion", plot::confusion_matrix(&confusion, &["upper", "a long name"])),
        ("roc", plot::roc_curve(&roc)),
        ("histograms", plot::histograms(&traces[1])),
        ("templates", plot::templates(&reader.parameter("0.weight").unwrap(), [1, 8, 8], 5).unwrap()),
        ("predictions", plot::predictions(&reader, &some, [1, 8, 8], 3).unwrap()),
        ("feature maps", plot::feature_maps(&image, 0, &few.row(0).to_vec()[..24], 2).unwrap()),
        ("saliency", plot::images(&reader.saliency(&few, 3).unwrap(), [1, 8, 8], &[], 3).unwrap()),
        ("film", film.svg(0.1)),
    ]
}

#[test]
fn every_picture_is_valid_and_reproducible() {
    let (once, again) = (pictures(), pictures());
    assert_eq!(once.len(), 15);
    let mut embedded = 0;
    for ((name, svg), (_, second)) in once.iter().zip(&again) {
        assert!(svg == second, "{name} differs from run to run");
        let document = roxmltree::Document::parse(svg).unwrap_or_else(|error| panic!("{name}: {error}"));
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "svg", "{name}");
        assert_eq!(root.tag_name().namespace(), Some("http://www.w3.org/2000/svg"));
        let view: Vec<f64> =
            root.attribute("viewBox").unwrap().split(' ').map(|number| number.parse().unwrap()).collect();
        let mut shapes = 0;
        for node in root.descendants().filter(roxmltree::Node::is_element) {
            // Every coordinate is a number; texts begin inside of the picture.
            for name in ["x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height"] {
                if let Some(value) = node.attribute(name).filter(|value| !value.ends_with('%')) {
                    let value: f64 = value.parse().unwrap_or_else(|_| panic!("{name} is {value}"));
                    assert!(value.is_finite());
                }
            }
            if node.tag_name().name() == "text" {
                let at = ["x", "y"].map(|name| node.attribute(name).unwrap().parse::<f64>().unwrap());
                assert!((0.0..=view[2]).contains(&at[0]) && (0.0..=view[3]).contains(&at[1]), "{name}: {node:?}");
            }
            if let Some(data) = node.attribute("href") {
                let png = decode(data.strip_prefix("data:image/png;base64,").unwrap());
                assert!(size_of_png(&png).0 > 0);
                embedded += 1;
            }
            shapes += 1;
        }
        assert!(shapes >= 8, "{name} has only {shapes} elements");
    }
    assert!(embedded >= 1 + 10 + 6 + 2 + 6 + 3, "{embedded}");
    let find = |name: &str| &once.iter().find(|(known, _)| *known == name).unwrap().1;
    for (name, texts) in [
        ("graph", &["x&lt;1&gt;", "z &amp; co", "Tanh", "-12"][..]),
        ("learning curves", &["epoch", "loss", "accuracy", "training", "validation"]),
        ("learning rate", &["learning rate", "suggestion"]),
        ("gallery", &["Relu", "Gelu", "Sign", "f(x)", "f′(x)"]),
        ("boundary", &["Moons", "feature 1", "class 0", "class 1"]),
        ("confusion", &["predicted", "true", "a long name"]),
        ("roc", &["false positive rate", "true positive rate", "chance"]),
        ("histograms", &["0 Dense: weights", "1 Tanh: outputs", "dL/dz2"]),
        ("templates", &["class 9"]),
        ("feature maps", &["map 1"]),
        ("film", &["epoch 0", "epoch 2", "animate"]),
        ("summary", &["Dense(2 -&gt; 5)", "15 parameters"]),
    ] {
        for text in texts {
            assert!(find(name).contains(text), "no {text} in the picture of {name}");
        }
    }
}

/// Base64, read back.
fn decode(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => panic!("{c}"),
    };
    let mut bytes = Vec::new();
    for four in text.as_bytes().chunks(4) {
        let padding = four.iter().rev().take_while(|&&c| c == b'=').count();
        let bits = four.iter().fold(0, |bits, &c| bits << 6 | u32::from(if c == b'=' { 0 } else { digit(c) }));
        bytes.extend(&bits.to_be_bytes()[1..4 - padding]);
    }
    bytes
}

#[test]
fn every_picture_becomes_a_png() {
    let mut pictures = pictures();
    let moons = data::moons::<f64>(20, 0.2, &mut rng(1));
    let network = Sequential::mlp(&[2, 5, 2], Tanh, &mut rng(1)).unwrap();
    let mut film = Film::new("Two moons", &moons).unwrap();
    for caption in ["first", "second"] {
        film.frame(&network, caption).unwrap();
    }
    pictures.extend(film.frames().map(|frame| ("a frame", frame)));
    assert_eq!(pictures.len(), 17);
    for (name, svg) in &pictures {
        let png = plot::rasterize(svg, 500).unwrap();
        assert!(png == plot::rasterize(svg, 500).unwrap(), "{name} differs from time to time");
        let (width, height, pixels) = size_of_png(&png);
        let document = roxmltree::Document::parse(svg).unwrap();
        let view: Vec<f64> =
            document.root_element().attribute("viewBox").unwrap().split(' ').map(|n| n.parse().unwrap()).collect();
        assert_eq!((width, f64::from(height)), (500, (500.0 * view[3] / view[2]).round()), "{name}");
        let dark = pixels.chunks(3).filter(|pixel| pixel.iter().all(|&c| c < 128)).count();
        let light = pixels.chunks(3).filter(|pixel| **pixel == [255; 3]).count();
        assert!(dark > 40 && light > 1000, "{name}: {dark} dark and {light} white pixels");
    }
    // Only their captions differ.
    assert_ne!(pictures[15].1, pictures[16].1);
}

/// Letters are drawn on a machine of whatever fonts; pixels inside of a picture are, too.
#[test]
fn text_and_images_reach_the_png() {
    let ink = |svg: &str| {
        let (_, _, pixels) = size_of_png(&plot::rasterize(svg, 460).unwrap());
        pixels.chunks(3).filter(|pixel| **pixel != [255; 3]).count()
    };
    let bare = ink(&Chart::new("", "", "").svg());
    let mut drawn = Vec::new();
    for text in ["loss", "Δσ′ ≥ λ²", "потеря", "dL/dz₂"] {
        drawn.push(ink(&Chart::new(text, "", "").points("", [(0.0, 0.0)]).svg()));
    }
    assert!(drawn.iter().all(|&ink| ink > bare + 50), "{drawn:?} beside {bare}");
    // The left half black, the right half white, as large as the picture of a network's input is.
    let svg = plot::images(&array![[0.0, 1.0]], [1, 1, 2], &[], 1).unwrap();
    let (width, _, pixels) = size_of_png(&plot::rasterize(&svg, 108).unwrap());
    let at = |x: usize, y: usize| &pixels[3 * (y * width as usize + x)..][..3];
    assert_eq!((at(30, 30), at(78, 30)), (&[0; 3][..], &[255; 3][..]));
}

#[test]
fn pictures_are_saved_by_their_ending() {
    let folder = std::env::temp_dir().join(format!("neuropil-pictures-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let svg = Chart::new("A line", "x", "y").line("", [(0.0, 1.0), (1.0, 2.0)]).svg();
    plot::save(folder.join("a.svg"), &svg).unwrap();
    plot::save(folder.join("a.PNG"), &svg).unwrap();
    assert_eq!(std::fs::read_to_string(folder.join("a.svg")).unwrap(), svg);
    let png = std::fs::read(folder.join("a.PNG")).unwrap();
    assert_eq!(png, plot::rasterize(&svg, 2 * 460).unwrap());
    for name in ["a.jpg", "a", "missing/a.svg"] {
        assert!(matches!(plot::save(folder.join(name), &svg), Err(Error::Save { .. })), "{name}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
    for width in [0, 16_385, u32::MAX] {
        assert!(matches!(plot::rasterize(&svg, width), Err(Error::Setting { .. })), "{width}");
    }
    for text in ["", "no picture", "<svg", "<html/>"] {
        assert!(matches!(plot::rasterize(text, 100), Err(Error::Format { .. })), "{text}");
    }
}

/// A convolutional network: its feature maps, and its saliency against finite differences.
#[test]
fn convolutions_are_seen() {
    let mut weight = neuropil::ndarray::Array4::<f64>::zeros((3, 1, 3, 3));
    weight[[0, 0, 1, 1]] = 1.0; // The image itself,
    weight[[1, 0, 1, 2]] = 1.0; // its neighbor to the right,
    weight[[2, 0, 1, 1]] = -2.0; // and nothing behind the rectifier.
    let mut rng = rng(2);
    let conv = Conv2d::from_parameters(weight, Some(neuropil::ndarray::Array1::zeros(3)), 1).unwrap();
    let network = Sequential::new([1, 4, 5])
        .with(conv.padding(Padding::Same))
        .and_then(|network| network.with(Relu))
        .and_then(|network| network.with(Conv2d::new(3, 2, [2, 3], &mut rng)))
        .and_then(|network| network.with(Tanh)?.with(Flatten)?.with(Dense::new(18, 3, &mut rng)))
        .unwrap();
    let x = Array2::from_shape_fn((1, 20), |(_, i)| ((7 * i) % 20) as f64 / 19.0 + 0.01);
    let svg = plot::feature_maps(&network, 1, &x.row(0).to_vec(), 3).unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let maps: Vec<_> = document.descendants().filter_map(|node| node.attribute("href")).collect();
    assert_eq!(maps.len(), 3);
    let gray = |map: usize| -> Vec<u8> {
        let (width, height, pixels) = size_of_png(&decode(maps[map].strip_prefix("data:image/png;base64,").unwrap()));
        let side = width as usize / 5;
        assert_eq!((width as usize, height as usize), (5 * side, 4 * side));
        (0..20).map(|i| pixels[3 * (i / 5 * side * width as usize + i % 5 * side)]).collect()
    };
    let scaled = |x: f64, low: f64| (255.0 * (x - low) / (1.01 - low)).round() as u8;
    assert_eq!(gray(0), x.iter().map(|&x| scaled(x, 0.01)).collect::<Vec<_>>());
    let right = |i: usize| if i % 5 == 4 { 0.0 } else { x[[0, i + 1]] };
    assert_eq!(gray(1), (0..20).map(|i| scaled(right(i), 0.0)).collect::<Vec<_>>());
    assert_eq!(gray(2), [128; 20], "a dead map is gray");

    let saliency = network.saliency(&x, 1).unwrap();
    let h = 1e-5;
    for i in 0..20 {
        let answer = |by: f64| {
            let mut x = x.clone();
            x[[0, i]] += by;
            network.predict(&x).unwrap()[[0, 1]]
        };
        let slope = (answer(h) - answer(-h)) / (2.0 * h);
        assert!((saliency[[0, i]] - slope.abs()).abs() < 1e-8, "{i}: {} and {slope}", saliency[[0, i]]);
    }
    assert!(saliency.iter().any(|&s| s > 1e-3));
}

/// Width, height and pixels of a PNG, read by a decoder.
fn size_of_png(png: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgb);
    (info.width, info.height, pixels)
}

#[test]
fn images_as_png() {
    let x: Array2<f64> = array![[0.0, 1.0, 2.0, 4.0], [3.0, 3.0, f64::NAN, 5.0], [1.0, 0.0, 0.0, 0.0]];
    let png = plot::png(&x, [1, 2, 2], 2, 3).unwrap();
    assert_eq!(png, plot::png(&x, [1, 2, 2], 2, 3).unwrap());
    // Two in a row and one below, each 2 x 2 pixels of 3 x 3, with a white edge of 2.
    let (width, height, pixels) = size_of_png(&png);
    assert_eq!((width, height), (2 * 8 + 2, 2 * 8 + 2));
    let at = |x: usize, y: usize| &pixels[3 * (y * width as usize + x)..][..3];
    assert_eq!([at(0, 0), at(2, 2), at(5, 2), at(2, 5), at(7, 7)], [[255; 3], [0; 3], [64; 3], [128; 3], [255; 3]]);
    assert_eq!(at(10, 5), [128; 3], "what is no number is gray");
    // Three channels are colors: red is the first.
    let (_, _, pixels) = size_of_png(&plot::png(&array![[1.0, 0.0, 0.0, 0.0, 0.0, 1.0]], [3, 1, 2], 1, 1).unwrap());
    assert_eq!(&pixels[3 * (2 * 6 + 2)..][..6], [255, 0, 0, 0, 0, 255]);
    assert!(matches!(plot::png(&x, [1, 3, 3], 2, 3), Err(Error::Width { .. })));
    assert!(matches!(plot::png(&Array2::<f32>::zeros((0, 4)), [1, 2, 2], 2, 3), Err(Error::Setting { .. })));
}

#[test]
fn charts_take_what_comes() {
    // Nothing, one point, the same point, no number, and numbers that a logarithm does not have.
    let charts = [
        Chart::new("empty", "x", "y"),
        Chart::new("point", "x", "y").points("p", [(3.0, -2.0)]),
        Chart::new("flat", "x", "y").line("l", [(0.0, 5.0), (1.0, 5.0)]),
        Chart::new("holes", "x", "y").line("l", [(0.0, f64::NAN), (1.0, 2.0), (2.0, 3.0), (3.0, f64::INFINITY)]),
        Chart::new("logarithm", "x", "y").log_x().log_y().line("l", [(-1.0, 0.0), (1e-3, 1.0), (10.0, 1e6)]),
        Chart::new("huge", "x", "y").line("l", [(1e300, -1e300), (1.5e300, 1e300)]),
        Chart::new("bars", "x", "y").bars("b", [(0.0, 3.0), (1.0, 0.0)]),
        Chart::new("range", "x", "y").x_range(1.0, 1.0).y_range(2.0, 1.0).line("l", [(0.0, 1.0), (1.0, 2.0)]),
    ];
    for chart in &charts {
        let svg = chart.svg();
        roxmltree::Document::parse(&svg).unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
    // Points without a place are omitted, not drawn at the edge.
    let points = [(0.0, 1.0), (1.0, f64::INFINITY), (2.0, -1.0), (3.0, f64::NAN)];
    assert_eq!(Chart::new("points", "x", "y").points("", points).svg().matches("<circle").count(), 2);
    assert_eq!(Chart::new("points", "x", "y").log_y().points("", points).svg().matches("<circle").count(), 1);
    assert_eq!(Chart::grid(&charts, 3).matches(">x</text>").count(), charts.len());
    let wide = data::digits::<f32>();
    let network = Sequential::mlp(&[64, 2], Tanh, &mut rng(0)).unwrap();
    assert!(matches!(plot::boundary(&network, &wide, "wide"), Err(Error::Width { .. })));
    let error = plot::predictions(&network, &wide, [1, 8, 8], 3).unwrap_err();
    assert!(matches!(error, Error::Dimensions { wants: [_, 10], .. }), "{error}");
    let plane = Sequential::<f32>::mlp(&[2, 2], Tanh, &mut rng(0)).unwrap();
    assert!(matches!(plot::feature_maps(&plane, 5, &[0.0, 1.0], 2), Err(Error::Setting { .. })));
    assert!(matches!(plane.saliency(&array![[0.0, 1.0]], 2), Err(Error::Setting { .. })));
    // No samples, and NaN samples.
    for x in [Array2::zeros((0, 2)), array![[f32::NAN, 1.0], [2.0, f32::INFINITY]]] {
        let samples = Samples::new(x.clone(), Array2::zeros((x.nrows(), 1))).unwrap();
        roxmltree::Document::parse(&plot::boundary(&plane, &samples, "odd").unwrap()).unwrap();
        assert!(terminal::boundary(&plane, &samples, 9, 4).is_ok());
    }
}
