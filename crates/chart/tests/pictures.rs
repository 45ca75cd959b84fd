//! Whatever comes in, a picture comes out: of the right size, well formed, with every name escaped.

use chart::units::Unit;
use chart::{
    Attempt, Error, Format, Kind, Look, OrderChart, Outcome, Panel, Point, Reference, RunChart,
    Series, TaskRow, order_chart, run_chart,
};
use proptest::prelude::*;

const UNITS: [Unit; 7] = [
    Unit::Cores,
    Unit::Bytes,
    Unit::BytesPerSecond,
    Unit::Share,
    Unit::Count,
    Unit::PerSecond,
    Unit::Seconds,
];

/// Numbers as they should be, and as they should not.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.0..100.0,
        1 => Just(0.0),
        1 => -50.0..0.0,
        1 => Just(1e18),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => any::<f64>(),
    ]
}

fn points() -> impl Strategy<Value = Vec<Point>> {
    let point = (number(), proptest::option::weighted(0.8, number()))
        .prop_map(|(t_seconds, value)| Point { t_seconds, value });
    proptest::collection::vec(point, 0..30).prop_flat_map(|points| {
        let mut sorted = points.clone();
        sorted.sort_by(|a, b| a.t_seconds.total_cmp(&b.t_seconds));
        prop_oneof![4 => Just(sorted), 1 => Just(points)]
    })
}

fn panel() -> impl Strategy<Value = Panel> {
    let series =
        (any::<String>(), any::<bool>(), points()).prop_map(|(name, stacked, points)| Series {
            name,
            look: if stacked { Look::Stacked } else { Look::Line },
            points,
        });
    let reference = (any::<String>(), number()).prop_map(|(name, value)| Reference { name, value });
    (
        any::<String>(),
        prop::sample::select(&UNITS[..]),
        any::<bool>(),
        proptest::collection::vec(series, 0..4),
        proptest::collection::vec(reference, 0..3),
    )
        .prop_map(|(title, unit, rate, series, references)| Panel {
            title,
            unit,
            kind: if rate { Kind::Rate } else { Kind::Gauge },
            series,
            references,
        })
}

fn run() -> impl Strategy<Value = RunChart> {
    (
        any::<(String, String, String, String)>(),
        proptest::option::of(number()),
        proptest::collection::vec(panel(), 0..6),
        400_u32..1300,
        any::<(bool, Vec<String>)>(),
    )
        .prop_map(
            |(texts, seconds, panels, width, (failed, flags))| RunChart {
                order: texts.0,
                task: texts.1,
                outcome: Outcome {
                    text: texts.2,
                    failed,
                },
                duration_seconds: seconds,
                cpu_seconds: seconds,
                memory_peak_bytes: seconds,
                panels,
                source: texts.3,
                flags: flags.into_iter().take(5).collect(),
                width,
                ..RunChart::default()
            },
        )
}

fn order() -> impl Strategy<Value = OrderChart> {
    let attempt = (
        number(),
        proptest::option::of(number()),
        any::<Option<String>>(),
        points(),
        points(),
    )
        .prop_map(
            |(start_seconds, end_seconds, failure, cpu_cores, memory_bytes)| Attempt {
                number: 1,
                start_seconds,
                end_seconds,
                failure,
                cpu_cores,
                memory_bytes,
            },
        );
    let task = (any::<String>(), proptest::collection::vec(attempt, 0..4))
        .prop_map(|(name, attempts)| TaskRow { name, attempts });
    (
        any::<String>(),
        proptest::option::of(number()),
        proptest::collection::vec(task, 0..8),
    )
        .prop_map(|(order, duration_seconds, tasks)| OrderChart {
            order,
            duration_seconds,
            tasks,
            ..OrderChart::default()
        })
}

/// Checks that the document is one that an XML parser takes: tags in pairs, no bare `&`, no control
/// characters.
fn check_svg(bytes: Vec<u8>) -> Result<(), TestCaseError> {
    let svg = String::from_utf8(bytes).expect("an SVG is UTF-8");
    prop_assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
    prop_assert!(!svg.chars().any(|c| c.is_control() && c != '\n'));
    prop_assert!(!svg.contains("NaN") || svg.contains("NaN<") || !svg.contains("\"NaN"));
    for (at, _) in svg.match_indices('&') {
        let entity = svg[at..].split_once(';').map(|(entity, _)| entity);
        let known = ["&lt", "&gt", "&amp", "&quot", "&apos", "&#39"];
        prop_assert!(
            entity.is_some_and(|e| known.contains(&e)),
            "{:?}",
            svg[at..].get(..8)
        );
    }
    let opened = svg.matches("<text").count();
    prop_assert_eq!(opened, svg.matches("</text>").count());
    let tags = [
        "<svg",
        "<text",
        "</text",
        "<rect",
        "<polyline",
        "<polygon",
        "<circle",
        "</svg",
    ];
    let known: usize = tags.iter().map(|tag| svg.matches(tag).count()).sum();
    prop_assert_eq!(known, svg.matches('<').count());
    Ok(())
}

fn size(png: &[u8]) -> (u32, u32) {
    let picture = image::load_from_memory_with_format(png, image::ImageFormat::Png);
    let picture = picture.expect("a PNG that can be read");
    (picture.width(), picture.height())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_run_makes_a_picture(run in run()) {
        check_svg(run_chart(&run, Format::Svg).expect("an SVG"))?;
        prop_assert_eq!(size(&run_chart(&run, Format::Png).expect("a PNG")).0, run.width);
    }

    #[test]
    fn any_order_makes_a_picture(order in order()) {
        check_svg(order_chart(&order, Format::Svg).expect("an SVG"))?;
        prop_assert_eq!(size(&order_chart(&order, Format::Png).expect("a PNG")).0, order.width);
    }
}

fn one_panel(kind: Kind, points: Vec<Point>) -> RunChart {
    let series = Series {
        name: "cpu".into(),
        look: Look::Line,
        points,
    };
    let panel = Panel {
        title: "CPU".into(),
        unit: Unit::Cores,
        kind,
        series: vec![series],
        references: vec![Reference {
            name: "limit".into(),
            value: 2.0,
        }],
    };
    RunChart {
        order: "leaf-1".into(),
        task: "resize".into(),
        outcome: Outcome {
            text: "completed".into(),
            failed: false,
        },
        duration_seconds: Some(4.0),
        cpu_seconds: Some(3.5),
        memory_peak_bytes: Some(314_572_800.0),
        panels: vec![panel],
        source: "cgroup v2".into(),
        flags: vec!["2 samples missed".into()],
        width: 600,
        ..RunChart::default()
    }
}

#[test]
fn a_small_run_as_svg() {
    let points = vec![
        Point::missing(0.0),
        Point::new(1.0, 1.0),
        Point::new(2.0, 1.5),
        Point::missing(3.0),
        Point::new(4.0, 0.5),
    ];
    let svg = run_chart(&one_panel(Kind::Rate, points), Format::Svg).unwrap();
    insta::assert_snapshot!(String::from_utf8(svg).unwrap());
}

#[test]
fn svg_and_png_have_the_same_size() {
    let run = one_panel(
        Kind::Gauge,
        vec![Point::new(0.0, 1.0), Point::new(0.01, 1.5)],
    );
    let svg = String::from_utf8(run_chart(&run, Format::Svg).unwrap()).unwrap();
    let (width, height) = size(&run_chart(&run, Format::Png).unwrap());
    assert!(
        svg.contains(&format!("width=\"{width}\" height=\"{height}\"")),
        "{width} {height}"
    );
    assert_eq!(width, 600);
}

#[test]
fn a_gap_is_no_line() {
    let lines = |points| {
        let svg = run_chart(&one_panel(Kind::Gauge, points), Format::Svg).unwrap();
        String::from_utf8(svg)
            .unwrap()
            .matches("stroke=\"#0072B2\"")
            .count()
    };
    let whole = vec![
        Point::new(0.0, 1.0),
        Point::new(1.0, 1.0),
        Point::new(2.0, 1.0),
    ];
    let broken = vec![
        Point::new(0.0, 1.0),
        Point::missing(1.0),
        Point::new(2.0, 1.0),
    ];
    assert_eq!((lines(whole), lines(broken)), (1, 2));
}

#[test]
fn a_panel_without_data_is_left_out() {
    let mut run = one_panel(
        Kind::Gauge,
        vec![Point::missing(0.0), Point::new(1.0, f64::NAN)],
    );
    run.panels[0].title = "Swap".into();
    let svg = String::from_utf8(run_chart(&run, Format::Svg).unwrap()).unwrap();
    assert!(!svg.contains("Swap") && svg.contains("No samples."));
}

#[test]
fn a_width_that_makes_no_sense_is_refused() {
    for width in [0, 399, 8001, u32::MAX] {
        let run = RunChart {
            width,
            ..RunChart::default()
        };
        for format in [Format::Svg, Format::Png] {
            assert!(
                matches!(run_chart(&run, format), Err(Error::Width { width: w }) if w == width)
            );
        }
    }
    let tasks = vec![TaskRow::default(); 5000];
    let order = OrderChart {
        tasks,
        ..OrderChart::default()
    };
    let error = order_chart(&order, Format::Png).unwrap_err();
    assert!(
        error.to_string().contains("fewer panels or tasks"),
        "{error}"
    );
}
