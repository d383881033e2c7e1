//! Whether the initramfs was made for one machine alone.

use super::source::{self, Folder};
use crate::fact::Evidence;
use crate::guest::linux::initramfs::Files;

/// What shows it: dracut's list of files that are there for this host alone, or its parameters
/// (dracut(8), `--hostonly`); `MODULES=dep` of initramfs-tools (initramfs.conf(5)).
pub(super) fn find(files: &Files, image: &str) -> Vec<Evidence> {
    let mut found = Vec::new();
    let text = |path: &str| {
        let source = source::single(files, image, path)?;
        Some((source.location, source.text.known()?.clone()))
    };
    if files.get("lib/dracut/hostonly-files").is_some() {
        found.push(Evidence::new(format!("{image}: lib/dracut/hostonly-files"), "dracut hostonly"));
    }
    if let Some((location, parameters)) = text("lib/dracut/build-parameter.txt") {
        let word = parameters
            .split_ascii_whitespace()
            .map(|word| word.trim_matches(['\'', '"']))
            .rfind(|word| matches!(*word, "-H" | "--hostonly" | "-N" | "--no-hostonly"));
        if let Some(word @ ("-H" | "--hostonly")) = word {
            found.push(Evidence::new(location, word));
        }
    }
    let mut policy: Option<Evidence> = None;
    let conf_d = source::in_initramfs(files, image, Folder { name: "conf.d", conf_only: false });
    for source in source::single(files, image, "conf/initramfs.conf").into_iter().chain(conf_d) {
        for line in source.text.known().into_iter().flat_map(|text| text.lines()) {
            if line.trim().starts_with("MODULES=") {
                policy = Some(Evidence::new(source.location.clone(), line.trim()));
            }
        }
    }
    found.extend(policy.filter(|policy| {
        policy.detail.trim_start_matches("MODULES=").trim_matches(['"', '\'']) == "dep"
    }));
    found
}
