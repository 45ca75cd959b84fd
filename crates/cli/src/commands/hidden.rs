//! What Podometer itself starts.

use image_tasks::ImageTask;

use crate::{exit::Code, output};

/// The runner, if it wasn't started the short way.
pub(super) fn runner() -> Code {
    let code = task_runner::main_from_environment();
    u8::try_from(code).map_or(Code::OTHER, Code)
}

/// One of the example tasks.
pub(super) fn image_task(task: ImageTask) -> Code {
    match image_tasks::run(task) {
        Ok(()) => Code::DONE,
        Err(error) => {
            output::error(&error);
            Code(image_tasks::exit_code(&error))
        }
    }
}
