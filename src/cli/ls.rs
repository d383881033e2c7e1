//! `image-preflight ls`.

use std::io::Write;
use std::path::Path;

use super::args::PathArgs;
use super::{Call, Failure};
use crate::disk::facts::VolumeFacts;
use crate::error::Error;
use crate::fact::Fact;
use crate::filesystem::tree::{Listed, Tree};
use crate::filesystem::{FileType, Metadata};
use crate::report::Detail;
use crate::report::escape::for_terminal;

pub(super) fn run(args: &PathArgs, call: &Call, out: &mut dyn Write) -> Result<u8, Failure> {
    let in_short = call.detail == Detail::Short;
    let tree = tree(&args.image, args.volume.as_deref())?;
    let metadata = tree.metadata(&args.path)?;
    if metadata.file_type != FileType::Directory {
        let metadata = tree.symlink_metadata(&args.path)?;
        let target = match metadata.file_type {
            FileType::Symlink => Some(tree.read_link(&args.path)?.into_bytes()),
            _ => None,
        };
        line(&args.path, &Ok((metadata, target)), in_short, out)?;
        return Ok(0);
    }
    for Listed { name, metadata } in tree.list(&args.path)? {
        line(&String::from_utf8_lossy(&name), &metadata, in_short, out)?;
    }
    Ok(0)
}

/// The guest's tree, or that of one volume: a partition by its number, any by its name.
pub(super) fn tree(image: &Path, volume: Option<&str>) -> Result<Tree, Failure> {
    let files = crate::files(image)?;
    let image = image.display();
    let Some(wanted) = volume else {
        let why = match files.tree {
            Fact::Known(Some(tree)) => return Ok(tree),
            Fact::Known(None) => "no guest was found whose files can be read".to_owned(),
            Fact::Unknown(unread) => format!("{}: {}", unread.location, unread.reason),
        };
        return Err(Failure::Said(format!("{image}: {why} (--volume N looks into one partition)")));
    };
    let disk = files.disk.as_result().map_err(|unread| {
        Failure::Said(format!("{image}: {}: {}", unread.location, unread.reason))
    })?;
    let number = wanted.parse::<u32>().ok();
    let is_wanted = |volume: &VolumeFacts| match number {
        Some(_) => volume.partition == number,
        None => volume.name == wanted,
    };
    let mut found = disk.volumes.iter().zip(files.filesystems).enumerate();
    match found.find(|(_, (volume, _))| is_wanted(volume)) {
        Some((index, (_, Fact::Known(Some(filesystem))))) => Ok(Tree::new(filesystem, index)),
        Some((_, (volume, Fact::Known(None)))) => {
            Err(Failure::Said(format!("{} holds no file system", volume.name)))
        }
        Some((_, (_, Fact::Unknown(unread)))) => {
            Err(Failure::Said(format!("{}: {}", unread.location, unread.reason)))
        }
        None => {
            let what = if number.is_some() { "partition" } else { "volume" };
            Err(Failure::Said(format!("{image}: no {what} {wanted}")))
        }
    }
}

fn line(
    name: &str,
    found: &Result<(Metadata, Option<Vec<u8>>), Error>,
    in_short: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let name = for_terminal(name);
    match found {
        _ if in_short => writeln!(out, "{name}")?,
        Ok((metadata, target)) => {
            let Metadata { file_type, mode, uid, gid, len, .. } = *metadata;
            let kind = letter(file_type);
            write!(out, "{kind}{} {uid:>5} {gid:>5} {len:>12} {name}", permissions(mode))?;
            if let Some(target) = target {
                write!(out, " -> {}", for_terminal(&String::from_utf8_lossy(target)))?;
            }
            writeln!(out)?;
        }
        Err(error) => writeln!(out, "?????????? {name}: {}", for_terminal(&error.to_string()))?,
    }
    Ok(())
}

fn letter(file_type: FileType) -> char {
    match file_type {
        FileType::Regular => '-',
        FileType::Directory => 'd',
        FileType::Symlink => 'l',
        FileType::CharDevice => 'c',
        FileType::BlockDevice => 'b',
        FileType::Fifo => 'p',
        FileType::Socket => 's',
    }
}

/// `rwxr-xr-x`, as ls(1) shows it.
fn permissions(mode: u16) -> String {
    [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')]
        .into_iter()
        .flat_map(|(shift, special, mark)| {
            let bits = mode.checked_shr(shift).unwrap_or(0);
            let execute = match (bits & 1 != 0, mode & special != 0) {
                (true, true) => mark,
                (false, true) => mark.to_ascii_uppercase(),
                (true, false) => 'x',
                (false, false) => '-',
            };
            [if bits & 4 != 0 { 'r' } else { '-' }, if bits & 2 != 0 { 'w' } else { '-' }, execute]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_spelled_as_ls_spells_them() {
        assert_eq!(permissions(0o755), "rwxr-xr-x");
        assert_eq!(permissions(0o4711), "rws--x--x");
        assert_eq!(permissions(0o1777), "rwxrwxrwt");
        assert_eq!(permissions(0o2640), "rw-r-S---");
    }
}
