//! `image-preflight ls`.

use std::io::Write;
use std::path::Path;

use super::args::PathArgs;
use super::{Call, Failure, place_and_reason, words_in};
use crate::disk::facts::VolumeFacts;
use crate::error::Error;
use crate::fact::Fact;
use crate::filesystem::tree::{Listed, Tree};
use crate::filesystem::{FileType, Metadata};
use crate::guest::Files;
use crate::report::Detail;
use crate::report::escape::for_terminal;
use crate::rules::{Fixed, Lang, Text};
use crate::text;

pub(super) fn run(args: &PathArgs, call: &Call, out: &mut dyn Write) -> Result<u8, Failure> {
    let in_short = call.detail == Detail::Short;
    let tree = tree(&args.image, args.volume.as_deref(), call.lang)?;
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
pub(super) fn tree(image: &Path, volume: Option<&str>, lang: Lang) -> Result<Tree, Failure> {
    tree_of(crate::files(image)?, image, volume, lang)
}

/// As [`tree`], of an image whose files were opened before.
pub(super) fn tree_of(
    files: Files,
    image: &Path,
    volume: Option<&str>,
    lang: Lang,
) -> Result<Tree, Failure> {
    let image = image.display();
    let said = |text: Text| Failure::Said(text.get(lang).to_owned());
    let Some(wanted) = volume else {
        let why = match files.tree {
            Fact::Known(Some(tree)) => return Ok(tree),
            Fact::Known(None) => Fixed::new(
                "no guest was found whose files can be read",
                "没有找到可读取其文件的系统",
            )
            .get(lang)
            .to_owned(),
            Fact::Unknown(unread) => place_and_reason(&unread, lang),
        };
        return Err(said(text!(
            "{image}: {why} (--volume N looks into one partition)",
            "{image}：{why}（--volume N可查看单个分区）"
        )));
    };
    let disk = files.disk.as_result().map_err(|unread| {
        let why = place_and_reason(unread, lang);
        said(text!("{image}: {why}", "{image}：{why}"))
    })?;
    let number = wanted.parse::<u32>().ok();
    let is_wanted = |volume: &VolumeFacts| match number {
        Some(_) => volume.partition == number,
        None => volume.name == wanted,
    };
    let mut found = disk.volumes.iter().zip(files.filesystems).enumerate();
    Err(match found.find(|(_, (volume, _))| is_wanted(volume)) {
        Some((index, (_, Fact::Known(Some(filesystem))))) => {
            return Ok(Tree::new(filesystem, index));
        }
        Some((_, (volume, Fact::Known(None)))) => {
            let name = words_in(&volume.name, lang);
            said(text!("{name} holds no file system", "{name}没有文件系统"))
        }
        Some((_, (_, Fact::Unknown(unread)))) => Failure::Said(place_and_reason(&unread, lang)),
        None if number.is_some() => {
            said(text!("{image}: no partition {wanted}", "{image}：没有分区{wanted}"))
        }
        None => said(text!("{image}: no volume {wanted}", "{image}：没有卷{wanted}")),
    })
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
