//! `win-keypair-unsupported`

use super::win_note::WindowsNote;
use super::{Doc, Fixed, Profile};

/// Key pairs do not open Windows from an external file.
pub(super) static RULE: WindowsNote = WindowsNote {
    id: "win-keypair-unsupported",
    profiles: &Profile::ALL,
    doc: &DOC,
    message: Fixed::new(
        "Servers made from this image cannot be opened with a key pair; choose a password when they are created.",
        "使用该镜像创建的云服务器不支持密钥对登录，创建时请选择密码方式。",
    ),
};

static DOC: Doc = Doc {
    title: Fixed::new(
        "Windows images from external files cannot be opened with a key pair",
        "外部镜像文件制作的Windows镜像不支持密钥对登录",
    ),
    why: Fixed::new(
        "A server that is created with a key pair alone would have no password that anybody knows.",
        "仅选择密钥对创建的云服务器将没有已知的登录密码。",
    ),
    decided: Fixed::new("Said of every Windows guest.", "对所有Windows镜像提示。"),
    remedy: Fixed::new(
        "Choose “password” as login mode when a server is created from the image.",
        "使用该镜像创建云服务器时，登录方式请选择“密码”。",
    ),
    source: "准备镜像文件（Windows） (ims_01_0204)",
    predicts: &[],
    repaired_by_platform: false,
};
