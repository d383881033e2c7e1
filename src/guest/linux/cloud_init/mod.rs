//! cloud-init: whether it is there, whether it starts, and what it was told.
//!
//! In: the guest's tree and the kernel command line of its default entry. Out: [`CloudInitFacts`].
//! Every statement about cloud-init's behaviour is from its own source, named where it is used.

mod bound;
mod config;
mod disabled;
mod ds_identify;
mod installed;
mod instance_data;
pub mod merge;
mod platform_tags;
pub mod scalar;
mod secret;
#[cfg(test)]
mod tests;
pub mod yaml;

use crate::filesystem::tree::Tree;
use crate::guest::facts::{CloudInitFacts, PackageFacts, UnitFacts};
use crate::guest::linux::systemd_unit::BootUnits;

/// What is known of cloud-init. `command_line` is that of the default boot entry, when known.
pub fn find(
    tree: &Tree,
    command_line: Option<&str>,
    packages: &PackageFacts,
    boot: &BootUnits<'_>,
) -> CloudInitFacts {
    let config = config::Config::read(tree, command_line);
    let datasource_list = config.datasource_list();
    let ds_identify = ds_identify::find(tree, command_line, &datasource_list);
    CloudInitFacts {
        bound_elsewhere: bound::find(tree, &ds_identify, &datasource_list),
        openstack_source: platform_tags::openstack_source(tree),
        ds_identify,
        instance_data: instance_data::find(tree),
        linux_user: instance_data::linux_user(tree),
        places: config.places(),
        lines: config.lines(),
        installed: installed::find(tree, packages),
        units: units(boot),
        disabled_by: disabled::find(tree, boot, command_line),
        datasource_list,
        config: config.json(),
        unread: config.unread(),
        files: config.files,
    }
}

/// The stages: until 24.2 four services; since 24.3 one process (`cloud-init-main`) that the others
/// only give their order, and `cloud-init` is called `cloud-init-network` (ChangeLog, 24.3).
fn units(boot: &BootUnits<'_>) -> Vec<UnitFacts> {
    const UNTIL_24_2: [&str; 4] = ["cloud-init-local", "cloud-init", "cloud-config", "cloud-final"];
    const SINCE_24_3: [&str; 5] = [
        "cloud-init-main",
        "cloud-init-local",
        "cloud-init-network",
        "cloud-config",
        "cloud-final",
    ];
    let names =
        if boot.has_file("cloud-init-main.service") { &SINCE_24_3[..] } else { &UNTIL_24_2 };
    names.iter().map(|name| boot.unit(&format!("{name}.service"))).collect()
}
