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

/// What is sought. The default seeks nothing in particular, and a listing for it is complete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    groups: Option<Vec<Group>>,
    programs: BTreeSet<String>,
    settings: bool,
}

impl Wanted {
    /// Seeks one module of each group. With no groups at all, this is the default: everything.
    pub fn groups(groups: impl IntoIterator<Item = Group>) -> Self {
        let groups: Vec<_> = groups.into_iter().collect();
        Self { groups: (!groups.is_empty()).then_some(groups), ..Self::default() }
    }

    /// Seeks a module of `group` too.
    pub fn add(&mut self, group: Group) {
        self.groups.get_or_insert_default().push(group);
    }

    /// Seeks a program too: `lvm`.
    pub fn add_program(&mut self, name: &str) {
        self.programs.insert(name.to_owned());
    }

    /// Seeks the settings, too: the aliases of the modules, and whatever may stand in `modprobe.d`.
    #[must_use]
    pub fn with_settings(self) -> Self {
        Self { settings: true, ..self }
    }

    /// The same without the groups that `builtin` already satisfies. When nothing is left, a listing
    /// ends before it has begun.
    #[must_use]
    pub fn without(&self, builtin: &BTreeSet<String>) -> Self {
        let left = |groups: &Vec<Group>| {
            groups.iter().filter(|group| !group.accepts_any(builtin)).cloned().collect()
        };
        Self { groups: self.groups.as_ref().map(left), ..self.clone() }
    }

    /// The same without these programs.
    #[must_use]
    pub fn without_programs(&self, seen: &BTreeSet<String>) -> Self {
        Self { programs: self.programs.difference(seen).cloned().collect(), ..self.clone() }
    }

    /// The same without the settings, when they were `seen`.
    #[must_use]
    pub fn without_settings(&self, seen: bool) -> Self {
        Self { settings: self.settings && !seen, ..self.clone() }
    }

    /// The groups, `None` when everything is sought.
    pub(super) fn remaining(&self) -> Option<Vec<&Group>> {
        self.groups.as_ref().map(|groups| groups.iter().collect())
    }

    /// The programs.
    pub(super) fn programs(&self) -> &BTreeSet<String> {
        &self.programs
    }

    /// Whether settings are sought.
    pub(super) fn settings(&self) -> bool {
        self.settings
    }
}
