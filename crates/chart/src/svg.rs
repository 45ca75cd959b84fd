//! Draws a scene as SVG.
//!
//! plotters' coordinates are whole numbers, so the scene is drawn `FINE` times as large and the
//! document's `viewBox` brings it back: lines keep their quarter pixels.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::error::Error;
use crate::palette::{Rgb, WHITE};
use crate::scene::{Anchor, At, Label, Scene, Shape, VEIL};
use crate::text;

const FINE: f64 = 4.0;
/// plotters divides the size of a font by this before it writes it into the document.
const PLOTTERS_FONT_SIZE: f64 = 1.24;

pub(crate) fn render(scene: &Scene) -> Result<Vec<u8>, Error> {
    let (width, height) = scene.size()?;
    let fine = FINE as u32;
    let mut document = String::new();
    {
        let mut backend = SVGBackend::with_string(&mut document, (width * fine, height * fine));
        let corner = (f64::from(width), f64::from(height));
        let ground = Shape::Rect {
            from: (0.0, 0.0),
            to: corner,
            color: WHITE,
        };
        let mut shapes = std::iter::once(&ground).chain(&scene.shapes);
        let draw = shapes.try_for_each(|shape| draw(&mut backend, shape));
        let present = |()| {
            backend
                .present()
                .map_err(DrawingAreaErrorKind::BackendError)
        };
        draw.and_then(present).map_err(|source| Error::Draw {
            backend: "SVG",
            source: Box::new(source),
        })?;
    }
    let body = document.find('>').map_or("", |end| &document[end + 1..]);
    Ok(format!("{}{}", head(scene, width, height), lean(body).trim_end()).into_bytes())
}

/// The shapes without what plotters repeats on each and the first tag says once, or what goes
/// without saying. Texts can't be hit: their quotes are escaped.
fn lean(body: &str) -> String {
    let family = format!(" font-family=\"{}\"", text::FAMILIES);
    let repeated = [
        family.as_str(),
        " opacity=\"1\"",
        " stroke=\"none\"",
        " text-anchor=\"start\"",
    ];
    repeated
        .into_iter()
        .fold(body.to_owned(), |body, piece| body.replace(piece, ""))
}

/// The document's first tag: plotters writes the fine size as the picture's, and no description.
fn head(scene: &Scene, width: u32, height: u32) -> String {
    let (fine_width, fine_height) = (width * FINE as u32, height * FINE as u32);
    let families = text::FAMILIES;
    let description = crate::report::escape(&scene.description);
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {fine_width} {fine_height}" font-family="{families}" stroke-linejoin="round" role="img" aria-label="{description}">"#,
    )
}

type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn draw(backend: &mut SVGBackend<'_>, shape: &Shape) -> Drawn {
    let drawn = match shape {
        Shape::Rect { from, to, color } => {
            backend.draw_rect(fine(*from), fine(*to), &rgb(*color), true)
        }
        Shape::Line {
            points,
            width,
            color,
        } => {
            let style = rgb(*color).stroke_width((width * FINE).round() as u32);
            backend.draw_path(simple(points), &style)
        }
        Shape::Area { top, bottom, color } => {
            let (top, bottom) = (simple(top), simple(bottom));
            backend.fill_polygon(
                top.into_iter().chain(bottom.into_iter().rev()),
                &rgb(*color),
            )
        }
        Shape::Dot { at, radius, color } => backend.draw_circle(
            fine(*at),
            (radius * FINE).round() as u32,
            &rgb(*color),
            true,
        ),
        Shape::Veil { from, to } => {
            backend.draw_rect(fine(*from), fine(*to), &rgb(WHITE).mix(VEIL), true)
        }
        Shape::Text(label) => backend.draw_text(&label.text, &style(label), fine(label.at)),
    };
    drawn.map_err(DrawingAreaErrorKind::BackendError)
}

fn style(label: &Label) -> TextStyle<'static> {
    let weight = if label.bold {
        FontStyle::Bold
    } else {
        FontStyle::Normal
    };
    let size = label.size * FINE * PLOTTERS_FONT_SIZE;
    let font = FontDesc::new(FontFamily::Name(text::FAMILIES), size, weight);
    let anchor = match label.anchor {
        Anchor::Left => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::Right => HPos::Right,
    };
    let mut style = TextStyle::from(font).pos(Pos::new(anchor, VPos::Center));
    style.color = rgb(label.color).to_backend_color();
    style
}

fn rgb((r, g, b): Rgb) -> RGBColor {
    RGBColor(r, g, b)
}

fn fine((x, y): At) -> (i32, i32) {
    ((x * FINE).round() as i32, (y * FINE).round() as i32)
}

/// Fine points without those that lie on the straight way between their neighbours.
fn simple(points: &[At]) -> Vec<(i32, i32)> {
    let mut kept: Vec<(i32, i32)> = Vec::with_capacity(points.len());
    for point in points.iter().copied().map(fine) {
        while let [.., a, b] = kept[..] {
            if !between(a, b, point) {
                break;
            }
            kept.pop();
        }
        if kept.last() != Some(&point) {
            kept.push(point);
        }
    }
    kept
}

fn between(a: (i32, i32), b: (i32, i32), c: (i32, i32)) -> bool {
    let (abx, aby) = (i64::from(b.0 - a.0), i64::from(b.1 - a.1));
    let (bcx, bcy) = (i64::from(c.0 - b.0), i64::from(c.1 - b.1));
    abx * bcy == aby * bcx && abx * bcx + aby * bcy >= 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_on_the_way_are_left_out_and_turns_kept() {
        let points = [
            (0.0, 0.0),
            (1.0, 0.0),
            (2.0, 0.0),
            (2.0, 5.0),
            (2.0, 1.0),
            (3.0, 1.0),
        ];
        assert_eq!(simple(&points), [(0, 0), (8, 0), (8, 20), (8, 4), (12, 4)]);
    }

    #[test]
    fn names_are_escaped() {
        let mut scene = Scene::new(400, "a <b>&\" picture");
        scene.height = 20.0;
        scene.text((1.0, 10.0), "<b>&\"\u{0}\n", 13.0, Anchor::Left);
        let svg = String::from_utf8(render(&scene).unwrap()).unwrap();
        assert!(svg.contains("&lt;b&gt;&amp;&quot;\u{fffd}"), "{svg}");
        assert!(
            svg.contains("aria-label=\"a &lt;b&gt;&amp;&quot; picture\""),
            "{svg}"
        );
        assert!(!svg.contains("<b>") && !svg.contains('\0'));
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
    }
}
