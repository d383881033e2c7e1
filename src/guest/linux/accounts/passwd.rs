//! `/etc/passwd` and `/etc/group` (passwd(5), group(5)).

/// An entry of `/etc/passwd`. The password field stays out of any debug output.
pub(super) struct PasswdEntry<'t> {
    pub(super) line: usize,
    pub(super) name: &'t str,
    pub(super) password: &'t str,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) home: &'t str,
    pub(super) shell: &'t str,
}

/// An entry of `/etc/group`.
#[derive(Debug)]
pub(super) struct GroupEntry<'t> {
    pub(super) line: usize,
    pub(super) name: &'t str,
    pub(super) gid: u32,
    /// As they stand, parted by commas.
    pub(super) members: &'t str,
}

/// What one line is.
pub(super) enum Line<T> {
    Entry(T),
    /// Nothing, a comment, or a line for NIS (`+…`, `-…`), which names nobody by itself.
    Skipped,
    /// What is wrong, without any of the line's text: it may hold a hash.
    Malformed(String),
}

fn is_skipped(content: &str) -> bool {
    let content = content.trim_start();
    content.is_empty() || content.starts_with(['#', '+', '-'])
}

/// `name:password:uid:gid:gecos:home:shell`
pub(super) fn passwd_line(line: usize, content: &str) -> Line<PasswdEntry<'_>> {
    if is_skipped(content) {
        return Line::Skipped;
    }
    let fields: Vec<&str> = content.split(':').collect();
    let [name, password, uid, gid, _gecos, home, shell] = fields[..] else {
        return Line::Malformed(format!("expected 7 fields, found {}", fields.len()));
    };
    let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse()) else {
        return Line::Malformed("the user or group id is no number".to_owned());
    };
    if name.is_empty() {
        return Line::Malformed("the name is empty".to_owned());
    }
    Line::Entry(PasswdEntry { line, name, password, uid, gid, home, shell })
}

/// `name:password:gid:members`
pub(super) fn group_line(line: usize, content: &str) -> Line<GroupEntry<'_>> {
    if is_skipped(content) {
        return Line::Skipped;
    }
    let fields: Vec<&str> = content.split(':').collect();
    let [name, _password, gid, members] = fields[..] else {
        return Line::Malformed(format!("expected 4 fields, found {}", fields.len()));
    };
    let Ok(gid) = gid.parse() else {
        return Line::Malformed("the group id is no number".to_owned());
    };
    Line::Entry(GroupEntry { line, name, gid, members })
}
