//! Values as a `.reg` file writes them.

/// `hex(N):…` of these bytes.
pub fn hex(kind: u32, bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("hex({kind:x}):{}", digits.join(","))
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// REG_SZ.
pub fn text(text: &str) -> String {
    hex(1, &utf16(text))
}

/// REG_EXPAND_SZ.
pub fn expand(text: &str) -> String {
    hex(2, &utf16(text))
}

/// REG_MULTI_SZ.
pub fn multi(texts: &[&str]) -> String {
    let mut bytes: Vec<u8> = texts.iter().flat_map(|text| utf16(text)).collect();
    bytes.extend([0, 0]);
    hex(7, &bytes)
}

/// REG_BINARY.
pub fn binary(bytes: &[u8]) -> String {
    hex(3, bytes)
}

/// REG_DWORD.
pub fn dword(value: u32) -> String {
    format!("dword:{value:08x}")
}

/// A key with its values; `@` is the default value. Keys on the way come by themselves.
pub fn key(path: &str, values: &[(&str, String)]) -> String {
    let mut text = String::new();
    // hivexregedit makes the last key of a path only.
    for (at, _) in path.match_indices('\\') {
        if let Some(parent) = path.get(..at) {
            text.push_str(&format!("[HIVE\\{parent}]\n\n"));
        }
    }
    text.push_str(&format!("[HIVE\\{path}]\n"));
    for (name, value) in values {
        let name = name.replace('\\', "\\\\").replace('"', "\\\"");
        match name.as_str() {
            "@" => text.push_str(&format!("@={value}\n")),
            _ => text.push_str(&format!("\"{name}\"={value}\n")),
        }
    }
    text.push('\n');
    text
}

/// Takes a key away, and all below it.
pub fn without_key(path: &str) -> String {
    format!("[-HIVE\\{path}]\n\n")
}
