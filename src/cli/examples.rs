//! The command line as it is parsed and described: the arguments with examples and exit codes.

use std::fmt::Write;

use clap::{Command, CommandFactory};

use super::args::Cli;

/// What each exit code of a command that judges says.
const OF_A_JUDGEMENT: &[ExitCode] = &[
    (0, "every required rule holds, or does not apply"),
    (1, "a required rule is broken (with --fail-on warn: or a recommended one)"),
    (2, "the call could not be carried out"),
    (3, "nothing is broken, but a required rule could not be verified"),
];

/// What each exit code of `request` says, which judges a body and not the image.
const OF_A_BODY: &[ExitCode] = &[
    (
        0,
        "the body breaks no required rule; without --body: it was written, whatever the image breaks",
    ),
    (1, "the body breaks a required rule; without --body: nothing was written"),
    (2, "the call could not be carried out"),
    (3, "with --body: nothing is broken, but a required rule could not be verified"),
];

/// What each exit code of another command says.
const OF_OTHERS: &[ExitCode] =
    &[(0, "it was carried out"), (2, "the call could not be carried out")];

/// Commands that judge an image; the program itself is described by their codes.
const JUDGING: &[&str] = &["image-preflight", "check", "merge"];

/// A code and what it says.
type ExitCode = (u8, &'static str);

/// An example: what for, and the line.
type Example = (&'static str, &'static str);

/// The examples of each command; those of the program itself have its own name.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "image-preflight",
        &[
            (
                "Will the platform accept this image, and will it boot there?",
                "image-preflight check centos.qcow2",
            ),
            (
                "Why does a rule exist, and how is it repaired?",
                "image-preflight explain fstab-uuid",
            ),
        ],
    ),
    (
        "check",
        &[
            ("One image", "image-preflight check centos.qcow2"),
            (
                "All images of a folder for Huawei Cloud, one line each",
                "image-preflight check --recursive --profile huaweicloud --quiet images/",
            ),
            (
                "In a pipeline: warnings fail, too, and the report goes into a file",
                "image-preflight check --fail-on warn --format junit --output report.xml centos.qcow2",
            ),
            (
                "A page in Chinese for a colleague",
                "image-preflight check --lang zh-CN --format html --output report.html centos.qcow2",
            ),
            (
                "Only what is new since an earlier report fails",
                "image-preflight check --baseline before.json centos.qcow2",
            ),
            (
                "With a digest, to be compared after the upload",
                "image-preflight check --digest sha256 centos.qcow2",
            ),
        ],
    ),
    (
        "inspect",
        &[
            ("What is in it?", "image-preflight inspect centos.qcow2"),
            ("Everything that the rules see", "image-preflight inspect --format json centos.qcow2"),
        ],
    ),
    (
        "explain",
        &[
            ("One rule", "image-preflight explain fstab-uuid"),
            (
                "An error code of the platform, and which rules would have told",
                "image-preflight explain IMG.0057",
            ),
        ],
    ),
    (
        "rules",
        &[
            ("The rules of Open Telekom Cloud", "image-preflight rules --profile otc"),
            ("Only their names", "image-preflight rules --quiet"),
        ],
    ),
    (
        "ls",
        &[
            ("A folder of the guest", "image-preflight ls centos.qcow2 /etc"),
            ("The same on the first partition", "image-preflight ls --volume 1 centos.qcow2 /"),
        ],
    ),
    ("cat", &[("A file of the guest", "image-preflight cat centos.qcow2 /etc/fstab")]),
    (
        "request",
        &[
            (
                "Write a body",
                "image-preflight request centos.qcow2 --image-url my-bucket:centos.qcow2 --name web-1",
            ),
            (
                "Validate one, against the image, too",
                "image-preflight request centos.qcow2 --body request.json",
            ),
        ],
    ),
    (
        "remedy",
        &[
            (
                "Write a script, read it, run it: it repairs a copy",
                "image-preflight remedy centos.qcow2 --output repair.sh",
            ),
            (
                "For a machine with libguestfs, and no root",
                "image-preflight remedy centos.qcow2 --format virt-customize --output repair.sh",
            ),
        ],
    ),
    (
        "os-version",
        &[(
            "The platform's value for the system in an image",
            "image-preflight os-version centos.qcow2",
        )],
    ),
    (
        "merge",
        &[(
            "The reports of several machines as one page",
            "image-preflight merge --format html --output all.html shard-1.json shard-2.json",
        )],
    ),
    ("init", &[("Write image-preflight.toml", "image-preflight init")]),
    ("completions", &[("For this session of bash", "source <(image-preflight completions bash)")]),
    (
        "man",
        &[
            ("Read the manual page", "image-preflight man | man -l -"),
            ("Write a page for each command", "image-preflight man /usr/local/share/man/man1"),
        ],
    ),
    (
        "registry",
        &[(
            "The services of a Windows guest",
            r"image-preflight registry server.qcow2 HKLM\SYSTEM\CurrentControlSet\Services",
        )],
    ),
    (
        "schema",
        &[
            ("Of the JSON report", "image-preflight schema"),
            (
                "Of the configuration, for an editor",
                "image-preflight schema config > image-preflight.schema.json",
            ),
        ],
    ),
];

/// The exit codes of a command.
pub(super) fn exit_codes(command: &str) -> &'static [ExitCode] {
    match command {
        "request" => OF_A_BODY,
        _ if JUDGING.contains(&command) => OF_A_JUDGEMENT,
        _ => OF_OTHERS,
    }
}

/// The examples of a command.
pub(super) fn of(command: &str) -> &'static [Example] {
    EXAMPLES.iter().find(|(name, _)| *name == command).map_or(&[], |(_, examples)| examples)
}

/// The command line with the examples of each command in its long help.
pub(super) fn command() -> Command {
    let command = Cli::command().after_help(
        "Exit codes: 0 every required rule holds · 1 one is broken · 2 not carried out · 3 not verified",
    );
    with_examples(command).mut_subcommands(with_examples)
}

fn with_examples(command: Command) -> Command {
    let mut text = String::from("Exit codes:\n");
    for (code, meaning) in exit_codes(command.get_name()) {
        let _ = writeln!(text, "  {code}  {meaning}");
    }
    let examples = of(command.get_name());
    if !examples.is_empty() {
        text.push_str("\nExamples:\n");
    }
    for (index, (what, line)) in examples.iter().enumerate() {
        let blank = if index == 0 { "" } else { "\n" };
        let _ = writeln!(text, "{blank}  {what}:\n    {line}");
    }
    command.after_long_help(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_examples_and_each_is_a_call_that_is_taken() {
        command().debug_assert();
        for subcommand in command().get_subcommands() {
            assert!(!of(subcommand.get_name()).is_empty(), "{}", subcommand.get_name());
        }
        for (name, examples) in EXAMPLES {
            for (_, line) in *examples {
                let words = line.trim_start_matches("source <(").trim_end_matches(')');
                // Behind it is what the shell does with the output.
                let words = words.split_whitespace().take_while(|word| !["|", ">"].contains(word));
                let taken = command().try_get_matches_from(words);
                assert!(taken.is_ok(), "{name}: {line}: {}", taken.unwrap_err());
            }
        }
    }
}
