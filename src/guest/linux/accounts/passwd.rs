//! `/etc/passwd` and `/etc/group` (passwd(5), group(5)).

/// An entry of `/etc/passwd`. The password field stays out of any debug output.
pub(super) struct PasswdEntry {
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) password: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) home: String,
    pub(super) shell: String,
}

/// An entry of `/etc/group`.
#[derive(Debug)]
pub(super) struct GroupEntry {
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) gid: u32,
    pub(super) members: Vec<String>,
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
pub(super) fn passwd_line(line: usize, content: &str) -> Line<PasswdEntry> {
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
    Line::Entry(PasswdEntry {
        line,
        name: name.to_owned(),
        password: password.to_owned(),
        uid,
        gid,
        home: home.to_owned(),
        shell: shell.to_owned(),
    })
}

/// `name:password:gid:members`
pub(super) fn group_line(line: usize, content: &str) -> Line<GroupEntry> {
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
    let members = members.split(',').map(str::trim).filter(|member| !member.is_empty());
    let members = members.map(str::to_owned).collect();
    Line::Entry(GroupEntry { line, name: name.to_owned(), gid, members })
}
