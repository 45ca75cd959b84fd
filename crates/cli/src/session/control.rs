//! How one order is to go on: as its process is told, or as somebody asks for this order alone, who leaves
//! a file in its folder. So every process that has the data folder can end an order that another one runs.

use std::{fs, io, path::Path, time::Duration};

use orchestrator::Control;
use tokio::{sync::watch, task::AbortHandle, time::sleep};

use crate::signals::Wish;

/// The file, in the order's folder. Its content is of no concern.
const REQUEST: &str = "terminate";
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(250);

/// Asks for the end of an order, in good form.
///
/// # Errors
/// If the file can't be written.
pub(crate) fn request(folder: &Path) -> io::Result<()> {
    fs::write(folder.join(REQUEST), "")
}

fn is_requested(folder: &Path) -> bool {
    folder.join(REQUEST).exists()
}

fn now(process: &mut watch::Receiver<Control>, folder: &Path) -> Control {
    let told = *process.borrow_and_update();
    if told == Control::Run && is_requested(folder) {
        return Control::Soft;
    }
    told
}

/// What one order is told; it is looked after as long as this lives.
pub(super) struct Told {
    pub(super) control: watch::Receiver<Control>,
    looking: AbortHandle,
}

impl Told {
    pub(super) fn new(wish: &Wish, folder: &Path) -> Self {
        let (mut process, folder) = (wish.control(), folder.to_owned());
        let (sender, control) = watch::channel(now(&mut process, &folder));
        let looking = tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = sleep(LOOK) => {}
                    Ok(()) = process.changed() => {}
                }
                let now = now(&mut process, &folder);
                sender.send_if_modified(|told| std::mem::replace(told, now.max(*told)) < now);
            }
        });
        Self {
            control,
            looking: looking.abort_handle(),
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.looking.abort();
    }
}
