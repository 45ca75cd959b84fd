//! From what was posted to an order that can run.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use model::{Catalogue, Order, OrderError, order::OrderSource};
use server::Posted;

use crate::load::{self, Prepared, Usage};

/// What messages call the order's text.
const NAME: &str = "order";

/// Checks an order; its input is written into `folder`.
///
/// # Errors
/// What is wrong with it, with its place.
pub(super) fn prepare(
    posted: &Posted,
    catalogue: &Catalogue,
    folder: &Path,
    check: fn(&Order, &OrderSource) -> Result<(), OrderError>,
) -> Result<Prepared> {
    let source = OrderSource {
        file: NAME.to_owned(),
        text: posted.order.clone(),
    };
    let mut order = Order::parse(&source, catalogue)?;
    check(&order, &source)?;
    order.prewarm = posted.prewarm.unwrap_or(order.prewarm);
    let input = match &posted.input {
        None => None,
        Some(input) => {
            let path = folder.join(&input.name);
            fs::write(&path, &input.bytes)
                .with_context(|| format!("{} can't be written", path.display()))?;
            let shown = |problem: String| {
                Usage::Carried(problem.replace(&path.display().to_string(), &input.name))
            };
            Some(load::check_input(&path, &order).map_err(shown)?)
        }
    };
    Ok(Prepared {
        order,
        definition: posted.order.clone(),
        input,
    })
}
