//! Plain scalars by the rules of YAML 1.1 as PyYAML applies them
//! (`yaml/resolver.py`, `add_implicit_resolver`; <https://yaml.org/type/>).

use super::yaml::Value;

/// The value of a plain scalar. Timestamps stay text: JSON knows no other form.
pub fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    if let Some(value) = int(text) {
        return Value::Int(value);
    }
    if let Some(value) = float(text) {
        return Value::Float(value);
    }
    Value::Str(text.to_owned())
}

/// `[-+]?0b[0-1_]+ | [-+]?0[0-7_]+ | [-+]?(0|[1-9][0-9_]*) | [-+]?0x[0-9a-fA-F_]+ |
/// [-+]?[1-9][0-9_]*(:[0-5]?[0-9])+`. A number beyond 128 bits is left as text.
fn int(text: &str) -> Option<i128> {
    let (negative, digits) = sign(text);
    let parse = |digits: &str, radix: u32| {
        let all = !digits.is_empty() && digits.chars().all(|c| c == '_' || c.is_digit(radix));
        let bare = digits.replace('_', "");
        if all { i128::from_str_radix(&bare, radix).ok() } else { None }
    };
    let value = if digits == "0" {
        Some(0)
    } else if let Some(binary) = digits.strip_prefix("0b") {
        parse(binary, 2)
    } else if let Some(hex) = digits.strip_prefix("0x") {
        parse(hex, 16)
    } else if let Some(octal) = digits.strip_prefix('0') {
        parse(octal, 8)
    } else if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        None
    } else if let Some((first, rest)) = digits.split_once(':') {
        rest.split(':').try_fold(parse(first, 10)?, |total, part| {
            total.checked_mul(60)?.checked_add(i128::from(sexagesimal(part)?))
        })
    } else {
        parse(digits, 10)
    }?;
    if negative { value.checked_neg() } else { Some(value) }
}

/// `[-+]?[0-9][0-9_]*\.[0-9_]*([eE][-+][0-9]+)? | \.[0-9][0-9_]*([eE][-+][0-9]+)? |
/// [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]* | [-+]?\.(inf|Inf|INF) | \.(nan|NaN|NAN)`
fn float(text: &str) -> Option<f64> {
    let (negative, body) = sign(text);
    let value = match body {
        ".inf" | ".Inf" | ".INF" => f64::INFINITY,
        ".nan" | ".NaN" | ".NAN" if body == text => f64::NAN,
        _ => {
            let (whole, rest) = body.split_once('.')?;
            let (fraction, exponent) = match rest.find(['e', 'E']) {
                Some(at) => (rest.get(..at)?, rest.get(at..)?),
                None => (rest, ""),
            };
            let digits = |text: &str| text.chars().all(|c| c == '_' || c.is_ascii_digit());
            let starts = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
            let exponent_digits = exponent.get(1..).and_then(|rest| rest.strip_prefix(['-', '+']));
            let exponent_ok = exponent.is_empty()
                || exponent_digits.is_some_and(|rest| starts(rest) && !rest.contains('_'))
                    && exponent_digits.is_some_and(digits);
            if !digits(fraction) || !exponent_ok {
                return None;
            }
            if whole.contains(':') {
                sexagesimal_float(whole, fraction, exponent)?
            } else if whole.is_empty() {
                if body != text || !starts(fraction) {
                    return None;
                }
                number(&format!("0.{fraction}{exponent}"))?
            } else if starts(whole) && digits(whole) {
                number(&format!("{whole}.{fraction}0{exponent}"))?
            } else {
                return None;
            }
        }
    };
    Some(if negative { -value } else { value })
}

fn sexagesimal_float(whole: &str, fraction: &str, exponent: &str) -> Option<f64> {
    let (first, rest) = whole.split_once(':')?;
    let plain = |c: char| c == '_' || c.is_ascii_digit();
    if !exponent.is_empty() || !first.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if !first.chars().all(plain) {
        return None;
    }
    let mut total = number(first)?;
    for part in rest.split(':') {
        total = total * 60.0 + f64::from(sexagesimal(part)?);
    }
    Some(total + number(&format!("0.{fraction}0"))?)
}

/// `[0-5]?[0-9]`
fn sexagesimal(part: &str) -> Option<u8> {
    let well_formed = (1..=2).contains(&part.len()) && part.chars().all(|c| c.is_ascii_digit());
    part.parse().ok().filter(|value| well_formed && *value < 60)
}

fn number(text: &str) -> Option<f64> {
    text.replace('_', "").parse().ok()
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}
