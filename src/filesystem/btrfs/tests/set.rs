//! File systems over several partitions of a disk (`testdata/btrfs/make-sets.sh`), against what the
//! kernel's mount of all devices shows.

use super::*;
use crate::disk::Disk;

/// The devices on the disk of that name.
fn devices(name: &str) -> Vec<Arc<dyn Bytes>> {
    Disk::read(Arc::new(Image::read(name))).volumes
}

fn open_set(devices: &[Arc<dyn Bytes>]) -> Result<Btrfs> {
    Btrfs::open_devices(devices, Arc::new(Budget::unlimited()))
}

/// Those of the numbers (from 1 on), in that order.
fn some(devices: &[Arc<dyn Bytes>], numbers: &[usize]) -> Vec<Arc<dyn Bytes>> {
    numbers.iter().map(|number| Arc::clone(&devices[number - 1])).collect()
}

#[test]
fn every_profile_is_as_mounted_whatever_the_order_of_the_devices() {
    for (name, count) in [
        ("set-raid1", 2),
        ("set-raid0", 3),
        ("set-raid10", 4),
        ("set-raid1c3", 3),
        ("set-single", 2),
    ] {
        let mut devices = devices(name);
        assert_eq!(devices.len(), count, "{name}");
        for _ in 0..2 {
            let fs = open_set(&devices).unwrap();
            is_listed(&top(&fs), name);
            let state = fs.state();
            assert_eq!(state.present_devices, (1..=count as u64).collect::<Vec<_>>(), "{name}");
            assert_eq!((&state.missing_devices, &state.behind_devices), (&vec![], &vec![]));
            assert_eq!(fs.health().stale, None);
            assert_eq!(fs.health().errors, []);
            devices.reverse();
        }
    }
}

#[test]
fn a_missing_device_of_a_mirror_is_read_from_the_other_copy_and_named() {
    for (name, here, missing) in [
        ("set-raid1", &[1][..], &[2_u64][..]),
        ("set-raid1", &[2], &[1]),
        ("set-raid10", &[2, 3, 4], &[1]),
        ("set-raid10", &[4, 1, 3], &[2]),
        ("set-raid1c3", &[2], &[1, 3]),
    ] {
        let fs = open_set(&some(&devices(name), here)).unwrap();
        is_listed(&top(&fs), name);
        assert_eq!(fs.state().missing_devices, missing, "{name}");
        let health = fs.health();
        let missing: Vec<String> = missing.iter().map(u64::to_string).collect();
        let part = format!("device {} of the set is not in this image", missing.join(", "));
        assert!(health.errors[0].detail.contains(&part), "{:?}", health.errors);
        assert!(health.stale.unwrap().reason.contains(&part), "{name}");
    }
}

#[test]
fn what_lies_on_no_device_that_is_here_is_unsupported_and_names_one() {
    for (name, here) in [("set-raid0", &[1, 2][..]), ("set-raid0", &[3]), ("set-raid10", &[1])] {
        let error = match open_set(&some(&devices(name), here)) {
            Err(error) => error,
            Ok(fs) => match listing(&top(&fs)) {
                Err(error) => error,
                // Content alone is missing: its error stands in the place of its checksum.
                Ok(lines) => {
                    assert!(lines.iter().any(|line| line.contains("not in this image")), "{name}");
                    continue;
                }
            },
        };
        assert!(matches!(error, Error::Unsupported { .. }), "{name}: {error}");
        assert!(error.to_string().contains("which is not in this image"), "{error}");
    }
}

#[test]
fn what_a_device_missed_is_read_from_the_others() {
    let devices = devices("set-behind");
    for here in [[1, 2], [2, 1]] {
        let fs = open_set(&some(&devices, &here)).unwrap();
        is_listed(&top(&fs), "set-behind");
        assert_eq!((&fs.state().missing_devices, &fs.state().behind_devices), (&vec![], &vec![2]));
        let errors = fs.health().errors;
        assert!(errors[0].detail.contains("device 2 of the set was away"), "{errors:?}");
        // No checksum tells that the copy on the second device is old.
        let unsummed = content(&top(&fs), "/usr/lib/unsummed");
        assert!(unsummed.starts_with(b"CHANGED CHANGED "));
        let file = FileSystem::open(&fs, resolve(&top(&fs), "/usr/lib/unsummed")).unwrap();
        assert_eq!(file.slice(0, 16), Some(&b"CHANGED CHANGED "[..]));
    }
}

#[test]
fn a_node_that_is_damaged_on_one_device_is_read_from_the_other() {
    let whole = Image::read("set-raid1");
    let sound = open_set(&devices("set-raid1")).unwrap();
    let logical = top(&sound).tree.root().logical;
    let chunk = sound.volume.chunks.find(logical).unwrap();
    let starts = Disk::read(Arc::new(whole.clone())).facts.partitions;
    let damage = |image: &mut Image, copy: usize| {
        let piece = chunk.locate(logical, copy).unwrap();
        *image.byte(starts[piece.device].start + piece.physical + 200) ^= 1;
    };
    for copy in [0, 1] {
        let mut image = whole.clone();
        damage(&mut image, copy);
        let fs = open_set(&Disk::read(Arc::new(image)).volumes).unwrap();
        is_listed(&top(&fs), "set-raid1");
    }
    let mut image = whole.clone();
    damage(&mut image, 0);
    damage(&mut image, 1);
    let fs = open_set(&Disk::read(Arc::new(image)).volumes).unwrap();
    let error = fs.metadata(FileSystem::root(&fs)).unwrap_err();
    assert_eq!(structure_of(&error), "btrfs node");
}

#[test]
fn two_volumes_that_are_the_same_device_are_unsupported() {
    let devices = devices("set-raid1");
    let error = open_set(&some(&devices, &[1, 2, 1])).map(|_| ()).unwrap_err();
    let Error::Unsupported { what, .. } = error else { panic!("{error}") };
    assert_eq!(what, "a file system with two volumes that are device 1");
    // Of two states of one device the newer counts.
    let (older, newer) = (devices, self::devices("set-behind"));
    let both = [Arc::clone(&older[0]), Arc::clone(&newer[0])];
    is_listed(&top(&open_set(&both).unwrap()), "set-behind");
}

#[test]
fn a_volume_without_a_superblock_is_no_device_of_the_set() {
    let mut devices = devices("set-raid1");
    let empty: Arc<dyn Bytes> = Arc::new(vec![0_u8; 1 << 17]);
    devices.insert(0, Arc::clone(&empty));
    let fs = open_set(&devices).unwrap();
    is_listed(&top(&fs), "set-raid1");
    let error = open_set(&[empty]).map(|_| ()).unwrap_err();
    assert_eq!(structure_of(&error), "btrfs superblock");
    assert!(open_set(&[]).is_err());
}
