//! docs/benchmarks.md.

use std::fmt::Write as _;
use std::fs;

use anyhow::Result;

use super::measure::Measure;
use super::{Goal, Peers, Results};
use crate::tool::Tool;

pub fn write(results: &Results, goals: &[Goal]) -> Result<String> {
    let mut text = head(results)?;
    text.push_str("\n| promised | goal | seen | |\n|---|--:|--:|---|\n");
    for goal in goals {
        let ended = match (goal.holds, &goal.beyond) {
            (true, _) => "holds".to_owned(),
            (false, None) => "**missed**".to_owned(),
            (false, Some(limit)) => format!("**missed**, beyond the limit ({limit})"),
        };
        writeln!(text, "| {} | {} | {} | {ended} |", goal.what, goal.goal, goal.seen)?;
    }

    let zstd = results.zstd.median();
    text.push_str("\n| command | time | times zstd | private memory |\n|---|--:|--:|--:|\n");
    row(&mut text, &results.zstd.what, &results.zstd, zstd)?;
    for measure in &results.answers {
        row(&mut text, &measure.what, measure, zstd)?;
    }
    for measure in &results.checks {
        row(&mut text, &format!("check, {}", measure.what), measure, zstd)?;
    }
    let cloud = &results.cloud;
    row(&mut text, &cloud.zstd.what, &cloud.zstd, zstd)?;
    row(&mut text, &format!("check, {}", cloud.check.what), &cloud.check, zstd)?;
    row(&mut text, &format!("check, {}", results.windows.what), &results.windows, zstd)?;
    let peers = results.peers.iter().flat_map(Peers::all);
    for measure in results.qemu_img.iter().chain(&results.walks).chain(peers.clone()) {
        row(&mut text, &measure.what, measure, zstd)?;
    }

    let plain = results.checks.first().map_or(zstd, Measure::median);
    text.push_str(
        "\nThe same guest on other layouts, as raw images of 40 GiB, against the plain one (MBR, ext4):\n\n\
         | layout | time | times plain | private memory |\n|---|--:|--:|--:|\n",
    );
    for measure in &results.layouts {
        row(&mut text, &measure.what, measure, plain)?;
    }

    if !results.batches.is_empty() {
        text.push_str(
            "\nMany copies (hard links) of the raw image of 40 GiB in one call, the median of three:\n\n\
             | images | jobs | time | images a second | private memory |\n|--:|--:|--:|--:|--:|\n",
        );
    }
    for batch in &results.batches {
        writeln!(
            text,
            "| {} | {} | {:.1} s | {:.2} | {} |",
            batch.images,
            batch.jobs,
            batch.time.as_secs_f64(),
            batch.throughput(),
            memory(batch.memory),
        )?;
    }

    text.push_str("\nThe commands, on the plain raw image (others alike):\n\n```\n");
    for measure in [&results.zstd, &results.version]
        .into_iter()
        .chain(&results.answers)
        .chain(results.checks.first())
        .chain(results.qemu_img.iter().take(2))
        .chain(peers)
    {
        writeln!(text, "{}", measure.shown())?;
    }
    text.push_str("```\n");
    Ok(text)
}

fn head(results: &Results) -> Result<String> {
    let cores = std::thread::available_parallelism()?;
    let find = |file: &str, name: &str| -> Result<String> {
        let text = fs::read_to_string(file)?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
        Ok(line.map_or("unknown", |(_, value)| value.trim()).to_owned())
    };
    let memory: u64 = find("/proc/meminfo", "MemTotal")?.trim_end_matches(" kB").parse()?;
    let kernel = Tool::new("uname").words("-s -r").run()?;
    Ok(format!(
        "# Benchmarks\n\n\
         `cargo xtask bench`: a whole check of a Debian 12 guest built from packages. Medians of \
         {} runs in turns, files in the page cache (fewer runs where a tool takes long). Private \
         memory is the highest number of anonymous bytes seen; pages of the mapped image do not \
         count. The guest's initramfs has {:.1} MB; that of the guest with the kernel of Debian's \
         images for clouds (linux-image-cloud-amd64) has {:.1} MB.\n\n\
         - machine: {cores} cores ({}), {} GiB, {}\n\
         - versions: {}\n",
        results.runs,
        results.initramfs as f64 / 1e6,
        results.cloud.initramfs as f64 / 1e6,
        find("/proc/cpuinfo", "model name")?,
        memory >> 20,
        kernel.trim(),
        results.versions.join("; "),
    ))
}

fn row(text: &mut String, what: &str, measure: &Measure, base: f64) -> Result<()> {
    let time = measure.median();
    let ratio = time / base;
    let time = if time < 10.0 { format!("{:.1} ms", time * 1e3) } else { format!("{time:.1} s") };
    let ratio = if ratio < 10.0 { format!("{ratio:.2}") } else { format!("{ratio:.0}") };
    let runs = measure.runs();
    let fewer =
        if measure.most_runs != u32::MAX { format!(" ({runs} runs)") } else { String::new() };
    writeln!(text, "| {what}{fewer} | {time} | {ratio} | {} |", memory(measure.memory))?;
    Ok(())
}

fn memory(bytes: u64) -> String {
    match bytes {
        0 => "–".to_owned(),
        bytes => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
    }
}
