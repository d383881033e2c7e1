//! How far a long call has come, on standard error when that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::rules::Lang;

/// How often the line is drawn anew when nothing else happens.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// Time after which one image alone counts as slow.
const SLOW: Duration = Duration::from_secs(1);

/// A line on the terminal; nothing where there is no terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    several: bool,
}

impl Progress {
    /// For `images` images.
    pub(super) fn new(images: usize, lang: Lang) -> Self {
        let total = u64::try_from(images).unwrap_or(u64::MAX);
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let template = match lang {
            Lang::En => "{spinner} {pos} of {len} images checked, {elapsed}",
            Lang::ZhCn => "{spinner} 已检查 {pos}/{len} 个镜像，{elapsed}",
        };
        // A template that cannot be read would leave the default one.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, several: images > 1 }
    }

    /// Nothing was done since the last [`TICK`].
    pub(super) fn wait(&self) {
        if self.several || self.bar.elapsed() >= SLOW {
            self.bar.tick();
        }
    }

    /// One more image is done.
    pub(super) fn advance(&self) {
        if self.several {
            self.bar.inc(1);
        }
    }

    /// Takes the line off the terminal while `write` writes there.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
