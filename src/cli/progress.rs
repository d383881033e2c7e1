//! How far a long call has come, on standard error when that is a terminal.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::rules::Lang;

/// How often the line is drawn anew when nothing else happens.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// Time after which one image alone counts as slow.
const SLOW: Duration = Duration::from_secs(1);

/// A line on the terminal; nothing where there is no terminal.
///
/// It counts images, or where files are digested the bytes of all of them.
pub(super) struct Progress {
    bar: ProgressBar,
    lang: Lang,
    images: usize,
    checked: AtomicU64,
    is_digest: bool,
}

impl Progress {
    /// For `images`, all of whose bytes are digested with `is_digest`.
    pub(super) fn new(images: &[PathBuf], is_digest: bool, lang: Lang) -> Self {
        let total = if is_digest {
            images.iter().map(|path| length(path)).fold(0, u64::saturating_add)
        } else {
            u64::try_from(images.len()).unwrap_or(u64::MAX)
        };
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let template = match (is_digest, lang) {
            (false, Lang::En) => "{spinner} {pos} of {len} images checked, {elapsed}",
            (false, Lang::ZhCn) => "{spinner} 已检查 {pos}/{len} 个镜像，{elapsed}",
            (true, Lang::En) => {
                "{spinner} {binary_bytes} of {binary_total_bytes} digested, \
                 {binary_bytes_per_sec}, {eta} left{msg}"
            }
            (true, Lang::ZhCn) => {
                "{spinner} 已计算摘要 {binary_bytes}/{binary_total_bytes}，\
                 {binary_bytes_per_sec}，剩余 {eta}{msg}"
            }
        };
        // A template that cannot be read would leave the default one.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, lang, images: images.len(), checked: AtomicU64::new(0), is_digest }
    }

    /// Nothing was done since the last [`TICK`].
    pub(super) fn wait(&self) {
        if self.images > 1 || self.bar.elapsed() >= SLOW {
            self.bar.tick();
        }
    }

    /// One more image is done.
    pub(super) fn advance(&self) {
        if self.images < 2 {
            return;
        }
        let checked = self.checked.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if self.is_digest {
            self.bar.set_message(match self.lang {
                Lang::En => format!("; {checked} of {} images checked", self.images),
                Lang::ZhCn => format!("；已检查 {checked}/{} 个镜像", self.images),
            });
        } else {
            self.bar.inc(1);
        }
    }

    /// What one image's digest tells of its progress, on any thread.
    pub(super) fn of_digest(&self) -> Box<crate::Progress> {
        let bar = self.bar.clone();
        let before = AtomicU64::new(0);
        Box::new(move |_, done, _| {
            bar.inc(done.saturating_sub(before.swap(done, Ordering::Relaxed)));
        })
    }

    /// Takes the line off the terminal while `write` writes there.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        // A line that was never drawn would be drawn behind it.
        if self.images < 2 && !self.is_digest && self.bar.elapsed() < SLOW {
            return write();
        }
        self.bar.suspend(write)
    }
}

/// Bytes of a file that will be digested; 0 where that will fail anyway, and for a block device.
fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
