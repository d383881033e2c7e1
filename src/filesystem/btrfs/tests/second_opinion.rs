//! What `lambutter`, another reader, says of the same images.

use lambutter::{BlockRead, Path};

use super::*;

struct Reader(Arc<Image>);

impl BlockRead for Reader {
    type Error = Error;

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.0.as_ref().read_at(offset, buf)
    }
}

#[test]
fn another_reader_sees_the_same_names_and_contents() {
    for name in ["zstd", "lzo", "old", "mixed", "many", "subvolumes", "raid1"] {
        let image = Arc::new(Image::read(name));
        let ours = Btrfs::open(image.clone()).unwrap();
        let mut theirs = lambutter::Btrfs::open(Reader(image.clone()), image.len).unwrap();
        assert_eq!(theirs.subvolume(), ours.default_subvolume());
        let mut stack = vec![(FileSystem::root(&ours), b"/".to_vec())];
        let mut files = 0;
        while let Some((dir, path)) = stack.pop() {
            let shown = String::from_utf8_lossy(&path).into_owned();
            let (found, end) = entries(&ours, dir);
            end.unwrap();
            let names: BTreeSet<_> = found.iter().map(|entry| entry.name.clone()).collect();
            let others = theirs.read_dir(Path::new(&path).unwrap()).unwrap();
            let others: BTreeSet<_> = others.into_iter().map(|entry| entry.name).collect();
            assert_eq!(names, others, "{name} {shown}");
            for DirEntry { name: entry, node, .. } in found {
                let slash = if path.ends_with(b"/") { &b""[..] } else { b"/" };
                let path = [&path[..], slash, &entry].concat();
                let meta = ours.metadata(node).unwrap();
                match meta.file_type {
                    FileType::Directory => stack.push((node, path)),
                    FileType::Regular if meta.len < 1 << 20 => {
                        let file = FileSystem::open(&ours, node).unwrap();
                        let other = theirs.read_file(Path::new(&path).unwrap()).unwrap();
                        let own = file.vec(0, meta.len as usize).unwrap();
                        assert!(own == other, "{name} {}", String::from_utf8_lossy(&path));
                        files += 1;
                    }
                    _ => {}
                }
            }
        }
        assert!(files >= 3, "{name}: {files}");
    }
}
