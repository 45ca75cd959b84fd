//! Reads and checks all that an invocation names, before anything starts.

mod input;
mod usage;

use std::{fs::File, io::Read, path::Path, path::PathBuf};

use anyhow::Result;
use model::{
    Catalogue, Order, OrderError, OrderId,
    order::{OrderProblem, OrderSource},
};

pub(crate) use input::check as check_input;
pub(crate) use usage::Usage;

use crate::args::{LoadArgs, RunArgs};

/// No order that a person writes is longer, bytes.
const MAX_FILE: u64 = 16 << 20;

/// An order that can run here.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    /// The order; its id is the one that is asked for.
    pub(crate) order: Order,
    /// The file's text.
    pub(crate) definition: String,
    /// Its input if that is a file, absolute.
    pub(crate) input: Option<PathBuf>,
}

/// All orders that are to run here, in the order in which they run.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub(crate) fn orders(args: &RunArgs) -> Result<Vec<Prepared>> {
    prepare(&args.orders, &args.input, &args.catalog, Order::check_local)
}

/// All orders that are to be handed to a cluster.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub(crate) fn for_cluster(args: &LoadArgs) -> Result<Vec<Prepared>> {
    let workspace = !args.no_workspace;
    let prepared = prepare(
        &args.orders,
        &args.input,
        &args.catalog,
        Order::check_cluster,
    )?;
    if !workspace && prepared.iter().any(|one| one.input.is_some()) {
        return Err(Usage::InputWithoutWorkspace.into());
    }
    Ok(prepared)
}

/// All orders that are to be handed to a server, which checks whether it can run them.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub(crate) fn for_server(args: &LoadArgs) -> Result<Vec<Prepared>> {
    prepare(&args.orders, &args.input, &[], |_, _| Ok(()))
}

/// The id with a number, cut to the length that ids have.
///
/// # Errors
/// None in practice.
pub(crate) fn numbered(id: &OrderId, number: u32) -> Result<OrderId> {
    let end = format!("-{number}");
    let room = OrderId::MAX - end.len();
    let start: String = id.as_str().chars().take(room).collect();
    Ok(format!("{}{end}", start.trim_end_matches('-')).parse()?)
}

fn prepare(
    files: &[PathBuf],
    pictures: &[PathBuf],
    catalogues: &[PathBuf],
    check: impl Fn(&Order, &OrderSource) -> Result<(), OrderError>,
) -> Result<Vec<Prepared>> {
    let catalogue = catalogue(catalogues)?;
    let mut prepared = Vec::new();
    for path in files {
        let source = read(path)?;
        let order = Order::parse(&source, &catalogue)?;
        check(&order, &source)?;
        let definition = source.text.trim_start_matches('\u{feff}').to_owned();
        if pictures.is_empty() {
            let input = input::of_order(&order, &source, path)?;
            prepared.push(Prepared {
                order,
                definition,
                input,
            });
            continue;
        }
        for picture in pictures {
            let input = Some(input::given(picture, &order)?);
            prepared.push(Prepared {
                order: order.clone(),
                definition: definition.clone(),
                input,
            });
        }
    }
    Ok(prepared)
}

/// The built-in catalogue with what these files add.
///
/// # Errors
/// What is wrong with a file, with its place.
pub(crate) fn catalogue(files: &[PathBuf]) -> Result<Catalogue> {
    let mut catalogue = Catalogue::builtin()?;
    for path in files {
        catalogue.extend(Catalogue::parse(&read(path)?)?);
    }
    Ok(catalogue)
}

/// A file's text. It need not be a plain file: `<(jq ...)` is a pipe.
fn read(path: &Path) -> Result<OrderSource> {
    let unreadable = |source| Usage::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Usage::TooLong {
            path: path.to_owned(),
            max_mib: MAX_FILE >> 20,
        }
        .into());
    }
    let file = path.display().to_string();
    match String::from_utf8(bytes) {
        Ok(text) => Ok(OrderSource { file, text }),
        Err(error) => {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            Err(not_utf8(file, &String::from_utf8_lossy(good)).into())
        }
    }
}

fn not_utf8(file: String, before: &str) -> OrderError {
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    OrderError {
        file,
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        path: String::new(),
        problem: OrderProblem::Json("this is no UTF-8 text; save the file as UTF-8".to_owned()),
    }
}
