//! What must not leave a configuration: passwords, their hashes, private keys.

use serde_json::Value as Json;

/// What stands in the place of a secret.
const HIDDEN: &str = "(not shown)";

/// Parts of the names of settings that hold secrets, in lower case: `passwd`, `hashed_passwd`,
/// `plain_text_passwd`, `password`, `chpasswd`, `rsa_private`, `token_secret`, ….
const NAMES: [&str; 4] = ["passw", "private", "secret", "token"];

/// Puts [`HIDDEN`] in the place of each text and number below a setting that holds secrets, and of
/// each text anywhere that holds a password hash. Switches (`lock_passwd: true`) stay.
pub(super) fn hide(value: &mut Json) {
    hide_in(value, false);
}

/// The values nest no deeper than [`super::yaml::MAX_DEPTH`] and what merging adds to it.
fn hide_in(value: &mut Json, secret: bool) {
    match value {
        Json::Null | Json::Bool(_) => {}
        Json::Number(_) if !secret => {}
        Json::String(text) if !secret && !holds_hash(text) => {}
        Json::Number(_) | Json::String(_) => *value = Json::from(HIDDEN),
        Json::Array(items) => items.iter_mut().for_each(|item| hide_in(item, secret)),
        Json::Object(map) => {
            for (mut key, mut value) in std::mem::take(map) {
                let lower = key.to_ascii_lowercase();
                hide_in(&mut value, secret || NAMES.iter().any(|name| lower.contains(name)));
                if holds_hash(&key) {
                    key = HIDDEN.to_owned();
                }
                map.insert(key, value);
            }
        }
    }
}

/// Whether a hash of crypt(5) stands in the text: `$id$…`.
fn holds_hash(text: &str) -> bool {
    let mut parts = text.split('$').skip(1);
    let Some(mut id) = parts.next() else { return false };
    for rest in parts {
        let is_id = (1..=16).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if is_id && !rest.is_empty() {
            return true;
        }
        id = rest;
    }
    false
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_secret_of_a_configuration_is_shown() {
        let mut config = json!({
            "password": "clear", "ssh_pwauth": true, "hostname": "a$b",
            "users": ["default", {"name": "x", "passwd": "$6$salt$hash", "lock_passwd": false}],
            "chpasswd": {"expire": false, "list": "root:clear", "users": [{"name": "r", "pin": 1}]},
            "runcmd": [["usermod", "-p", "$y$j9T$salt$hash", "root"], "echo $HOME"],
            "ssh_keys": {"rsa_private": "-----BEGIN", "rsa_public": "ssh-rsa"},
            "$1$salt$hash": 1,
        });
        hide(&mut config);
        assert_eq!(
            config,
            json!({
                "password": HIDDEN, "ssh_pwauth": true, "hostname": "a$b",
                "users": ["default", {"name": "x", "passwd": HIDDEN, "lock_passwd": false}],
                "chpasswd": {"expire": false, "list": HIDDEN, "users": [{"name": HIDDEN, "pin": HIDDEN}]},
                "runcmd": [["usermod", "-p", HIDDEN, "root"], "echo $HOME"],
                "ssh_keys": {"rsa_private": HIDDEN, "rsa_public": "ssh-rsa"},
                HIDDEN: 1,
            })
        );
    }
}
