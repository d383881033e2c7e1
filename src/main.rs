//! The command line. All it does is in the library's `cli` module.

use std::process::ExitCode;

fn main() -> ExitCode {
    image_preflight::cli::run()
}
