//! Facts about this machine and the input picture.

use std::{fs, path::Path};

use image::{ImageDecoder, ImageReader};
use model::{InputFacts, MachineFacts};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

pub(crate) fn machine() -> MachineFacts {
    let kinds = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(kinds).ok();
    let cpus = system.as_ref().map_or(&[][..], System::cpus);
    MachineFacts {
        hostname: System::host_name().ok(),
        processor: cpus.first().map(|cpu| cpu.brand().trim().to_owned()),
        cores: u32::try_from(cpus.len()).ok().filter(|n| *n > 0),
        memory_bytes: system.as_ref().map(System::total_memory).filter(|n| *n > 0),
        kernel: System::kernel_version().ok(),
        os: System::long_os_version().ok(),
        architecture: Some(System::cpu_arch()).filter(|a| !a.is_empty()),
    }
}

/// What the picture's header says; `None` if there is no such file. A file that is no picture has
/// only its size.
pub(crate) fn input(path: &Path) -> Option<InputFacts> {
    let bytes = fs::metadata(path).ok()?.len();
    let mut facts = InputFacts {
        bytes: Some(bytes),
        ..InputFacts::default()
    };
    let Ok(reader) = ImageReader::open(path).and_then(ImageReader::with_guessed_format) else {
        return Some(facts);
    };
    let format = reader.format();
    if let Ok(decoder) = reader.into_decoder() {
        let (width, height) = decoder.dimensions();
        let color = decoder.color_type();
        facts.width = Some(width);
        facts.height = Some(height);
        facts.channels = Some(color.channel_count());
        facts.bit_depth = (color.bits_per_pixel() / u16::from(color.channel_count()))
            .try_into()
            .ok();
        facts.format = format.and_then(|f| f.extensions_str().first().map(|s| (*s).to_owned()));
    }
    Some(facts)
}
