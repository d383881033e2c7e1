//! What binds cloud-init to another data source than the platform's.
//!
//! Sources: `tools/ds-identify` (`_main`, `found`: a data source that its configuration names becomes the
//! whole `datasource_list`; `dscheck_NoCloud`, `check_seed_dir`) and `DataSourceNoCloud.py` (`_get_data`:
//! a seed in the image is enough).

use super::ds_identify::is_file;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{DsIdentify, DsIdentifyWay};

/// The data source of the platform.
const PLATFORM: &str = "OpenStack";

/// Where NoCloud looks for a seed; `meta-data` and `user-data` there are a data source.
const SEEDS: [&str; 2] = ["/var/lib/cloud/seed/nocloud", "/var/lib/cloud/seed/nocloud-net"];

/// What binds it; `Known(None)` when nothing does but `datasource_list` itself.
pub(super) fn find(
    tree: &Tree,
    ds_identify: &Fact<Option<DsIdentify>>,
    list: &Fact<Option<(Vec<String>, Evidence)>>,
) -> Fact<Option<Evidence>> {
    match decide(tree, ds_identify, list) {
        Ok(found) => Fact::Known(found),
        Err(unread) => Fact::Unknown(unread),
    }
}

fn decide(
    tree: &Tree,
    ds_identify: &Fact<Option<DsIdentify>>,
    list: &Fact<Option<(Vec<String>, Evidence)>>,
) -> Result<Option<Evidence>, Unread> {
    let list = list.as_result().map_err(Clone::clone)?;
    if let Some(DsIdentify { way: DsIdentifyWay::Given(name), evidence, .. }) =
        ds_identify.as_result().map_err(Clone::clone)?
    {
        let by_list = list.as_ref().is_some_and(|(_, seen)| seen.location == evidence.location);
        if name == PLATFORM || by_list {
            return Ok(None);
        }
        // Before 23.4 `ds=` speaks to NoCloud alone, and only where it is in the list.
        if evidence.detail.starts_with("ds=") || name.to_lowercase() == PLATFORM.to_lowercase() {
            let reason = format!("what cloud-init does with {} is not known", evidence.detail);
            return Err(Unread::new(evidence.location.clone(), reason));
        }
        return Ok(Some(evidence.clone()));
    }
    // cloud-init's own list begins with NoCloud.
    let first = match list {
        Some((names, _)) => names.iter().find(|name| matches!(name.as_str(), PLATFORM | "NoCloud")),
        None => None,
    };
    if first.is_some_and(|first| first == PLATFORM) || list.is_some() && first.is_none() {
        return Ok(None);
    }
    for seed in SEEDS {
        let meta_data = format!("{seed}/meta-data");
        let user_data = format!("{seed}/user-data");
        if is_file(tree, [meta_data.as_str()])?.is_some()
            && is_file(tree, [user_data.as_str()])?.is_some()
        {
            let what = "a seed for NoCloud, which comes before OpenStack";
            return Ok(Some(Evidence::new(meta_data, what)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::super::ds_identify;
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    fn machine() -> MemoryFs {
        MemoryFs::new()
            .file("/usr/lib/systemd/system-generators/cloud-init-generator", "#!/bin/sh\n")
            .file("/usr/lib/cloud-init/ds-identify", "HUAWEICLOUD\n")
    }

    fn bound(fs: MemoryFs, line: &str, list: Option<&[&str]>) -> Result<Option<String>, Unread> {
        let fs = match list {
            Some(list) => {
                let text = format!("datasource_list: [ {} ]\n", list.join(", "));
                fs.file("/etc/cloud/cloud.cfg", text)
            }
            None => fs,
        };
        let tree = fs.tree();
        let list = list.map(|list| {
            let names = list.iter().map(|&name| name.to_owned()).collect();
            (names, Evidence::new("/etc/cloud/cloud.cfg:1", "list"))
        });
        let list = Fact::Known(list);
        let ds_identify = ds_identify::find(&tree, Some(line), &list);
        match find(&tree, &ds_identify, &list) {
            Fact::Known(found) => Ok(found.map(|seen| seen.location)),
            Fact::Unknown(unread) => Err(unread),
        }
    }

    #[test]
    fn a_data_source_that_is_named_to_ds_identify_is_the_only_one() {
        // As ds-identify of cloud-init 22.4 writes `datasource_list: [ NoCloud, None ]`.
        let both: Option<&[&str]> = Some(&["NoCloud", "OpenStack", "None"]);
        let given = |text: &str| machine().file("/etc/cloud/ds-identify.cfg", text);
        let place = "/etc/cloud/ds-identify.cfg:1".to_owned();
        assert_eq!(bound(given("datasource: NoCloud\n"), "", both), Ok(Some(place.clone())));
        assert_eq!(bound(given("datasource: OpenStack\n"), "", both), Ok(None));
        let only: Option<&[&str]> = Some(&["OpenStack"]);
        assert_eq!(bound(given("datasource: Ec2\n"), "", only), Ok(Some(place)));
        let line = "kernel command line".to_owned();
        assert_eq!(bound(machine(), "ci.ds=NoCloud", only), Ok(Some(line.clone())));
        assert_eq!(bound(machine(), "ci.datasource=NoCloud", only), Ok(Some(line)));
        assert!(bound(machine(), "ds=nocloud;s=/x", only).is_err());
        // Nobody asks it.
        let idle = MemoryFs::new().file("/etc/cloud/ds-identify.cfg", "datasource: NoCloud\n");
        assert_eq!(bound(idle, "ci.ds=NoCloud", only), Ok(None));
        // The list says so itself.
        assert_eq!(bound(machine(), "", Some(&["Ec2"])), Ok(None));
    }

    #[test]
    fn a_seed_binds_where_nocloud_comes_first() {
        let seed = || {
            machine()
                .file("/var/lib/cloud/seed/nocloud-net/user-data", "")
                .file("/var/lib/cloud/seed/nocloud-net/meta-data", "")
        };
        let place = Ok(Some("/var/lib/cloud/seed/nocloud-net/meta-data".to_owned()));
        let list: Option<&[&str]> = Some(&["NoCloud", "ConfigDrive", "OpenStack", "None"]);
        assert_eq!(bound(seed(), "", list), place);
        assert_eq!(bound(seed(), "", None), place);
        assert_eq!(bound(seed(), "", Some(&["OpenStack", "NoCloud"])), Ok(None));
        assert_eq!(bound(seed(), "", Some(&["OpenStack"])), Ok(None));
        let half = seed().without("/var/lib/cloud/seed/nocloud-net/user-data");
        assert_eq!(bound(half, "", list), Ok(None));
        assert_eq!(bound(machine(), "", list), Ok(None));
    }
}
