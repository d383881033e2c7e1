//! What is sought in an initramfs.

use std::collections::BTreeSet;

/// Alternative module names of which one is enough: `virtio_blk`; or `ata_piix`, `pata_*`, ….
/// A `*` at the end stands for any rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group(Vec<String>);

impl Group {
    /// A group of alternatives; names with `_`, not `-`.
    pub fn new<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }

    /// Whether `module` is one of the alternatives.
    pub fn accepts(&self, module: &str) -> bool {
        self.0.iter().any(|name| match name.strip_suffix('*') {
            Some(prefix) => module.starts_with(prefix),
            None => module == name,
        })
    }

    /// Whether one of `modules` is one of the alternatives.
    pub fn accepts_any(&self, modules: &BTreeSet<String>) -> bool {
        modules.iter().any(|module| self.accepts(module))
    }
}

/// What is sought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All there is, the settings included. Only a listing to the end can say that something is not
    /// there, or that the file is whole.
    Everything,
    /// A module of each group. The listing ends when it has them.
    Modules(Vec<Group>),
}

impl Wanted {
    /// The groups that `builtin` does not satisfy yet. When nothing is left, a listing ends before it
    /// has begun.
    pub fn modules(groups: impl IntoIterator<Item = Group>, builtin: &BTreeSet<String>) -> Self {
        Self::Modules(groups.into_iter().filter(|group| !group.accepts_any(builtin)).collect())
    }
}
