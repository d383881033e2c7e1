//! The hive SAM: the account Administrator, its values F and V byte for byte.
//!
//! Layout after the descriptions of the SAM by Clark ("Security Accounts Manager") and of the
//! values that Windows 7 and Windows 10 write.

use super::text::{binary, hex, key};

/// Flags of an account (MS-SAMR, 2.2.1.12, as the SAM keeps them).
pub mod control {
    pub const DISABLED: u16 = 0x0001;
    pub const PASSWORD_NOT_REQUIRED: u16 = 0x0004;
    pub const NORMAL: u16 = 0x0010;
    pub const PASSWORD_NEVER_EXPIRES: u16 = 0x0200;
    pub const LOCKED: u16 = 0x0400;
}

/// What the account has.
#[derive(Clone, Copy)]
pub struct Administrator {
    pub control: u16,
    pub has_password: bool,
    /// Whether hashes are kept as Windows 10 1607 and later keep them.
    pub has_aes_hashes: bool,
}

/// Keys of the account below `SAM\Domains\Account`.
pub fn sam(account: &Administrator) -> String {
    let users = "SAM\\Domains\\Account\\Users";
    key(
        &format!("{users}\\000001F4"),
        &[("F", binary(&account.fixed())), ("V", binary(&account.variable()))],
    ) + &key(&format!("{users}\\Names\\Administrator"), &[("@", hex(500, &[]))])
        + &key("SAM\\Domains\\Account", &[("V", binary(&domain()))])
        + &key("SAM\\Domains\\Builtin\\Aliases\\00000220", &[("C", binary(&administrators()))])
}

/// The machine's own SID: S-1-5-21 and three numbers.
const MACHINE: [u32; 4] = [21, 0x6e1f_1c5d, 0x7e8a_4b6c, 0x1d0e_1a2b];

/// A SID of the authority NT (MS-DTYP, 2.4.2.2).
fn sid(numbers: &[u32]) -> Vec<u8> {
    let mut sid = vec![1, numbers.len() as u8, 0, 0, 0, 0, 0, 5];
    sid.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    sid
}

/// The value V of the machine's domain: four descriptors as in an account's, and its SID at the end.
fn domain() -> Vec<u8> {
    let sid = sid(&MACHINE);
    let len = sid.len() as u32;
    let head = [0, 0, 0x0001_0002, 0, len, 0, len, 0, 0, len, 0, 0];
    head.iter().flat_map(|word: &u32| word.to_le_bytes()).chain(sid).collect()
}

/// The value C of the group Administrators: its number, four descriptors of which the last are the
/// members with their count, then what they point at.
fn administrators() -> Vec<u8> {
    let name: Vec<u8> = "Administrators".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let members = sid(&[&MACHINE[..], &[500]].concat());
    let (named, member) = (name.len() as u32, members.len() as u32);
    let head = [0x220, 0, 0, 0x0001_0002, 0, named, 0, named, 0, 0, named, member, 1];
    head.iter().flat_map(|word: &u32| word.to_le_bytes()).chain(name).chain(members).collect()
}

impl Administrator {
    /// The value F: 80 bytes.
    fn fixed(&self) -> Vec<u8> {
        const SET: u64 = 133_485_408_000_000_000;
        let mut f = vec![0; 80];
        let mut put = |at: usize, bytes: &[u8]| {
            if let Some(place) = f.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        };
        put(0, &[2, 0, 1, 0]); // revision
        put(8, &SET.to_le_bytes()); // last logon
        put(24, &SET.to_le_bytes()); // password last set
        put(32, &i64::MAX.to_le_bytes()); // account expires
        put(48, &500_u32.to_le_bytes()); // relative identifier
        put(52, &513_u32.to_le_bytes()); // primary group
        put(56, &self.control.to_le_bytes());
        put(66, &1_u16.to_le_bytes()); // logons
        f
    }

    /// The value V: 17 descriptors of offset, length and something more, then what they point at.
    fn variable(&self) -> Vec<u8> {
        const DESCRIPTORS: usize = 17;
        const NAME: usize = 1;
        const HOURS: usize = 11;
        const LM_HASH: usize = 13;
        const NT_HASH: usize = 14;
        let name: Vec<u8> = "Administrator".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut head = Vec::new();
        let mut data = Vec::new();
        for index in 0..DESCRIPTORS {
            let content = match index {
                NAME => name.clone(),
                // All hours of all days.
                HOURS => [vec![0xa8, 0, 0, 0], vec![0xff; 17]].concat(),
                NT_HASH => self.hash(self.has_password),
                LM_HASH | 15 | 16 => self.hash(false),
                _ => Vec::new(),
            };
            head.extend((data.len() as u32).to_le_bytes());
            head.extend((content.len() as u32).to_le_bytes());
            head.extend(u32::from(index == LM_HASH || index == NT_HASH).to_le_bytes());
            data.extend(content);
            data.resize(data.len().next_multiple_of(4), 0);
        }
        [head, data].concat()
    }

    /// An encrypted hash: a head that says how, and behind it, if there is a password, the bytes.
    fn hash(&self, is_set: bool) -> Vec<u8> {
        let made_up = |len: usize| (0..len).map(|at| (at * 37 + 11) as u8).collect::<Vec<u8>>();
        if self.has_aes_hashes {
            // Key identifier, revision 2, offset of the data, initialisation vector.
            let mut hash = vec![2, 0, 2, 0];
            hash.extend(if is_set { 16_u32 } else { 0 }.to_le_bytes());
            hash.extend(made_up(16));
            hash.extend(if is_set { made_up(32) } else { Vec::new() });
            hash
        } else {
            let mut hash = vec![1, 0, 1, 0];
            hash.extend(if is_set { made_up(16) } else { Vec::new() });
            hash
        }
    }
}
