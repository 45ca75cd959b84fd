//! image-tasks
