//! The command line's words.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use schemars::JsonSchema;
use serde::Deserialize;

use super::sources::Shard;
use crate::image::DigestKind;
use crate::remedy::ScriptFormat;
use crate::report::Format;
use crate::rules::Lang;

/// Headings under which `--help` and the manual pages put options.
const WHAT: &str = "What to check";
const REQUIREMENTS: &str = "Requirements";
const OUTPUT: &str = "Output";

/// Tells whether a virtual-machine image will be accepted by the cloud and will boot there.
///
/// Reads the file only: no root, no mount, no virtual machine, no network. The image is never
/// written.
#[derive(Debug, Parser)]
#[command(name = "image-preflight", version, propagate_version = true)]
pub(super) struct Cli {
    /// Configuration: profile, language, waivers [default: image-preflight.toml, when it is there]
    ///
    /// `image-preflight init` writes one with comments. What the command line says goes before it.
    #[arg(long, global = true, value_name = "FILE", help_heading = REQUIREMENTS)]
    pub(super) config: Option<PathBuf>,

    /// Language of the output [default: from the configuration, LC_ALL, LC_MESSAGES, LANG]
    #[arg(long, global = true, value_enum, value_name = "LANG", help_heading = OUTPUT)]
    pub(super) lang: Option<LangArg>,

    /// When to use colour
    ///
    /// auto follows the terminal and the variables NO_COLOR, CLICOLOR, CLICOLOR_FORCE and TERM.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = OUTPUT
    )]
    pub(super) color: ColorArg,

    /// Say less: of a report the verdict and what is broken, of a list the names, no remarks
    #[arg(long, short, global = true, help_heading = OUTPUT)]
    pub(super) quiet: bool,

    /// Say more: the evidence of what holds, too, and how the process was confined
    ///
    /// With --version: what this program and this machine offer, for a bug report.
    #[arg(long, short, global = true, conflicts_with = "quiet", help_heading = OUTPUT)]
    pub(super) verbose: bool,

    #[command(subcommand)]
    #[allow(missing_docs, reason = "clap would show it as help")]
    pub(super) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check images: will the cloud accept each, and will it boot there?
    Check(CheckArgs),
    /// Show what is in an image: format, partitions, file systems, guest. No judgement
    Inspect(InspectArgs),
    /// Explain a rule: what, why, how it is decided, how to repair it, where it comes from
    Explain(ExplainArgs),
    /// List the rules with their level in the profile
    Rules(RulesArgs),
    /// List a directory of the guest, as the checker sees it
    Ls(PathArgs),
    /// Print a file of the guest, as the checker sees it
    Cat(PathArgs),
    /// Write the body of the request that registers an image, or validate one
    Request(RequestArgs),
    /// Print a script that repairs a copy of an image, as far as that can be done offline
    Remedy(RemedyArgs),
    /// Print the value of os_version for the system in an image
    OsVersion(OsVersionArgs),
    /// Join JSON reports, as of shards, into one in any form
    Merge(MergeArgs),
    /// Write a commented configuration file
    Init(InitArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for each command
    Man(ManArgs),
    /// Show a key of a Windows guest's registry, as the checker sees it
    Registry(RegistryArgs),
    /// Print the JSON Schema of the JSON report, of the configuration or of a profile
    Schema(SchemaArgs),
}

impl Command {
    /// Whether `image-preflight.toml` is read for it when it is there.
    pub(super) fn is_configured(&self) -> bool {
        matches!(
            self,
            Self::Check(_)
                | Self::Inspect(_)
                | Self::Explain(_)
                | Self::Rules(_)
                | Self::Request(_)
                | Self::Remedy(_)
                | Self::OsVersion(_)
                | Self::Merge(_)
        )
    }
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Image files (qcow2 or raw; other formats are named), patterns, or with --recursive folders
    ///
    /// A block device is read as a raw image.
    #[arg(required = true, value_name = "IMAGE")]
    pub(super) images: Vec<PathBuf>,

    /// Check the images in folders, too: files that are called as images are (.qcow2, .raw, .img, …)
    ///
    /// Links to folders are not followed.
    #[arg(long, short = 'R', help_heading = WHAT)]
    pub(super) recursive: bool,

    /// Check the K-th of N parts of the images, each path always in the same part
    #[arg(long, value_name = "K/N", help_heading = WHAT)]
    pub(super) shard: Option<Shard>,

    /// Check at most this many images at once [default: the number of processors]
    #[arg(
        long,
        short,
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..),
        help_heading = WHAT
    )]
    pub(super) jobs: Option<u16>,

    /// Check the initial password, too: the first line of this file, or of standard input (-)
    ///
    /// It is compared with the accounts' hashes and never shown.
    #[arg(long, value_name = "FILE", help_heading = WHAT)]
    pub(super) password_file: Option<PathBuf>,

    /// Validate the body of the request that is to register the image, too
    #[arg(long, value_name = "FILE", help_heading = WHAT)]
    pub(super) request: Option<PathBuf>,

    /// Digest the whole file as well, to be compared after the upload
    #[arg(long, value_enum, value_name = "KIND", help_heading = WHAT)]
    pub(super) digest: Option<DigestArg>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would show it as help")]
    pub(super) profile: ProfileArg,

    /// What makes an image fail [default: fail]
    #[arg(long, value_enum, value_name = "WHAT", help_heading = REQUIREMENTS)]
    pub(super) fail_on: Option<FailOnArg>,

    /// An earlier report (json or json-lines): only what is new in an image fails it
    #[arg(long, value_name = "REPORT", help_heading = REQUIREMENTS)]
    pub(super) baseline: Option<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would show it as help")]
    pub(super) report: ReportArgs,
}

/// The requirements of a call.
#[derive(Debug, Args)]
pub(super) struct ProfileArg {
    /// Set of requirements: ims-classic (the default), huaweicloud, otc, or a file of your own
    #[arg(id = "profile", long, value_name = "PROFILE", help_heading = REQUIREMENTS)]
    pub(super) name: Option<String>,
}

/// How a report is written, and where.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Form of the report
    #[arg(
        long,
        value_parser = formats(),
        value_name = "FORMAT",
        default_value = "human",
        help_heading = OUTPUT
    )]
    pub(super) format: Format,

    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would show it as help")]
    pub(super) output: OutputArg,
}

/// Where the output goes.
#[derive(Debug, Args)]
pub(super) struct OutputArg {
    /// Write to this file instead of standard output
    #[arg(id = "output", long, short, value_name = "FILE", help_heading = OUTPUT)]
    pub(super) path: Option<PathBuf>,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// Image file
    #[arg(value_name = "IMAGE")]
    pub(super) image: PathBuf,

    /// Form of the facts; json has all that the rules see
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "human",
        help_heading = OUTPUT
    )]
    pub(super) format: InspectFormatArg,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Rule id, or error code of the image service (IMG.0057); without one, all rules
    #[arg(value_name = "RULE")]
    pub(super) rule: Option<String>,
}

/// Arguments of `rules`.
#[derive(Debug, Args)]
pub(super) struct RulesArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would show it as help")]
    pub(super) profile: ProfileArg,
}

/// Arguments of `request`.
#[derive(Debug, Args)]
pub(super) struct RequestArgs {
    /// Image file; with --body it may be left out
    #[arg(value_name = "IMAGE", required_unless_present = "body")]
    pub(super) image: Option<PathBuf>,

    /// Validate this body instead of writing one; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(super) body: Option<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would show it as help")]
    pub(super) profile: ProfileArg,

    /// Form of the report on a body
    #[arg(
        long,
        value_parser = formats(),
        value_name = "FORMAT",
        default_value = "human",
        requires = "body",
        help_heading = OUTPUT
    )]
    pub(super) format: Format,

    /// Write the corrected body to this file, when there is something to correct
    #[arg(long, value_name = "FILE", requires = "body", help_heading = OUTPUT)]
    pub(super) corrected: Option<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would show it as help")]
    pub(super) output: OutputArg,

    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would show it as help")]
    pub(super) draft: DraftArgs,
}

/// What `request` writes into a body.
#[derive(Debug, Args)]
#[command(next_help_heading = "Fields of the body")]
#[group(id = "draft", multiple = true, conflicts_with = "body")]
pub(super) struct DraftArgs {
    /// Where the file will lie in the object storage
    #[arg(long, value_name = "BUCKET:OBJECT", required_unless_present = "body")]
    pub(super) image_url: Option<String>,

    /// Name of the image to be [default: the file's name without its suffix]
    #[arg(long)]
    pub(super) name: Option<String>,

    /// Description of the image to be
    #[arg(long, value_name = "TEXT")]
    pub(super) description: Option<String>,

    /// Operating system [default: what is in the image]
    #[arg(long, value_name = "VALUE")]
    pub(super) os_version: Option<String>,

    /// Size of the system disk in GB [default: the smallest that holds the image]
    #[arg(long, value_name = "GB")]
    pub(super) min_disk: Option<u64>,

    /// Whether the platform configures the image [default: where it can]
    #[arg(long, value_name = "true|false")]
    pub(super) is_config: Option<bool>,

    /// Type of the image: ECS, BMS, FusionCompute, Ironic
    #[arg(long = "type", value_name = "TYPE")]
    pub(super) kind: Option<String>,

    /// A tag; may be given several times
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    pub(super) tags: Vec<String>,

    /// Enterprise project: 0 or a UUID
    #[arg(long, value_name = "ID")]
    pub(super) enterprise_project_id: Option<String>,

    /// Key that encrypts the image to be
    #[arg(long, value_name = "UUID")]
    pub(super) cmk_id: Option<String>,

    /// Smallest memory of a server, in MB
    #[arg(long, value_name = "MB")]
    pub(super) min_ram: Option<u64>,

    /// Biggest memory of a server, in MB
    #[arg(long, value_name = "MB")]
    pub(super) max_ram: Option<u64>,
}

/// Arguments of `merge`.
#[derive(Debug, Args)]
pub(super) struct MergeArgs {
    /// Reports in the form json or json-lines
    #[arg(required = true, value_name = "REPORT")]
    pub(super) reports: Vec<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would show it as help")]
    pub(super) report: ReportArgs,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Where to write it [default: image-preflight.toml]
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(super) shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Write a page for each command into this folder
    #[arg(value_name = "FOLDER")]
    pub(super) folder: Option<PathBuf>,
}

/// Arguments of `os-version`.
#[derive(Debug, Args)]
pub(super) struct OsVersionArgs {
    /// Image file
    #[arg(value_name = "IMAGE")]
    pub(super) image: PathBuf,

    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would show it as help")]
    pub(super) profile: ProfileArg,
}

/// Arguments of `ls` and `cat`.
#[derive(Debug, Args)]
pub(super) struct PathArgs {
    /// Image file
    #[arg(value_name = "IMAGE")]
    pub(super) image: PathBuf,

    /// Absolute path in the guest; with --volume, on that volume
    #[arg(value_name = "PATH")]
    pub(super) path: String,

    /// Look into this volume alone, not into the guest's joined tree: a partition by its number,
    /// another volume by the name that `inspect` has for it (system/root, whole disk)
    #[arg(long, value_name = "VOLUME")]
    pub(super) volume: Option<String>,
}

/// Arguments of `registry`.
#[derive(Debug, Args)]
pub(super) struct RegistryArgs {
    /// Image file
    #[arg(value_name = "IMAGE")]
    pub(super) image: PathBuf,

    /// The key as Windows names it: HKLM\SYSTEM\CurrentControlSet\Services. Stored in files are
    /// HKLM\SYSTEM, SOFTWARE, SAM, SECURITY, DRIVERS, COMPONENTS, BCD00000000, and HKU\.DEFAULT
    #[arg(value_name = "KEY")]
    pub(super) key: String,

    /// Look for the hive on this volume alone: a partition's number, or another volume's name
    #[arg(long, value_name = "VOLUME")]
    pub(super) volume: Option<String>,
}

/// `--lang`.
#[derive(Debug, Clone, Copy, ValueEnum, Deserialize, JsonSchema)]
#[schemars(rename = "Language", description = "A language of reports.")]
#[allow(missing_docs, reason = "clap would show it as help")]
pub(super) enum LangArg {
    #[serde(rename = "en")]
    En,
    #[serde(rename = "zh-CN")]
    #[value(name = "zh-CN", alias = "zh-cn", alias = "zh")]
    ZhCn,
}

impl From<LangArg> for Lang {
    fn from(arg: LangArg) -> Self {
        match arg {
            LangArg::En => Self::En,
            LangArg::ZhCn => Self::ZhCn,
        }
    }
}

/// `--color`.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[allow(missing_docs, reason = "clap would show it as help")]
pub(super) enum ColorArg {
    Auto,
    Always,
    Never,
}

/// The forms of a report, each with what it is for.
fn formats() -> impl TypedValueParser<Value = Format> {
    let values = Format::ALL.map(|(format, name)| PossibleValue::new(name).help(format.purpose()));
    PossibleValuesParser::new(values).try_map(|wanted| {
        let named = Format::ALL.into_iter().find(|(_, name)| *name == wanted);
        named.map(|(format, _)| format).ok_or("no such form")
    })
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Of what
    #[arg(value_enum, value_name = "WHAT", default_value = "report")]
    pub(super) of: SchemaOf,

    /// Which form of the report
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "json")]
    pub(super) format: SchemaFormatArg,
}

/// What `schema` describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaOf {
    /// The JSON report
    Report,
    /// image-preflight.toml
    Config,
    /// A profile of your own
    Profile,
}

/// `schema --format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaFormatArg {
    /// One JSON document
    Json,
    /// One JSON document a line and image
    JsonLines,
}

/// `inspect --format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum InspectFormatArg {
    /// For people
    Human,
    /// Everything that the rules see
    Json,
}

/// `check --digest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DigestArg {
    /// SHA-256
    Sha256,
    /// MD5, which the object storage shows as the ETag of an object uploaded in one piece
    Md5,
}

impl From<DigestArg> for DigestKind {
    fn from(arg: DigestArg) -> Self {
        match arg {
            DigestArg::Sha256 => Self::Sha256,
            DigestArg::Md5 => Self::Md5,
        }
    }
}

/// `check --fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize, JsonSchema)]
#[schemars(rename = "FailOn", description = "What fails an image.")]
#[serde(rename_all = "kebab-case")]
pub(super) enum FailOnArg {
    /// A required rule is broken
    Fail,
    /// A recommended rule is broken
    Warn,
}

/// Arguments of `remedy`.
#[derive(Debug, Args)]
pub(super) struct RemedyArgs {
    /// Image file
    #[arg(value_name = "IMAGE")]
    pub(super) image: PathBuf,

    /// Form of the script
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "sh")]
    pub(super) format: ScriptFormatArg,

    /// Repair what this rule found and nothing else; may be given several times, and also takes rules
    /// that only tell something
    #[arg(long = "rule", value_name = "RULE")]
    pub(super) rules: Vec<String>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would show it as help")]
    pub(super) profile: ProfileArg,

    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would show it as help")]
    pub(super) output: OutputArg,
}

/// `remedy --format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ScriptFormatArg {
    /// A shell script that mounts a copy (Linux, root)
    Sh,
    /// A shell script that calls guestfish
    Guestfish,
    /// A shell script that calls virt-customize
    VirtCustomize,
}

impl From<ScriptFormatArg> for ScriptFormat {
    fn from(arg: ScriptFormatArg) -> Self {
        match arg {
            ScriptFormatArg::Sh => Self::Sh,
            ScriptFormatArg::Guestfish => Self::Guestfish,
            ScriptFormatArg::VirtCustomize => Self::VirtCustomize,
        }
    }
}
