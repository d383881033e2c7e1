//! Many mutants of whole images, each checked through all rooms, with its time and memory.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::memory::{self, MAX_PRIVATE};
use crate::mutant::XorShift;
use crate::targets;

/// Longest time of one check.
const MAX_TIME: Duration = Duration::from_secs(5);

/// What is being checked, for whoever must say what hangs or what panicked.
static NOW: Mutex<Option<(u64, Instant)>> = Mutex::new(None);

/// Checks `FUZZ_MUTANTS` mutants from number `FUZZ_FIRST` on; gives the exit code.
pub fn run() -> i32 {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, count) = (number("FUZZ_FIRST").unwrap_or(0), number("FUZZ_MUTANTS").unwrap_or(1));
    std::thread::spawn(|| {
        loop {
            std::thread::sleep(Duration::from_millis(500));
            let now = NOW.lock().ok().and_then(|now| *now);
            if let Some((number, begun)) = now.filter(|(_, begun)| begun.elapsed() > 4 * MAX_TIME) {
                println!("mutant {number}: no end after {:?}", begun.elapsed());
                std::process::exit(1);
            }
        }
    });
    // What the mutants are made of is read once, and counts for none of them.
    targets::image(&[0; 2]);
    targets::qcow2(&[0; 2]);
    let begun = Instant::now();
    let (mut slowest, mut largest) = ((Duration::ZERO, 0), (0, 0));
    let mut findings = 0;
    for number in first..first + count {
        let mutant = || {
            // Whole new numbers for each mutant, so that any of them can be made alone.
            let mut random = XorShift(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
            for _ in 0..8 {
                random.next();
            }
            let kind = random.next();
            let subject = random.next().to_le_bytes();
            let edits = random.edits(1 + (random.0 % 12) as usize);
            let mut data = subject[..2].to_vec();
            data.extend(edits);
            // Of five, one is a mutant of the container and four of the disk inside.
            if kind % 5 == 0 { targets::qcow2(&data) } else { targets::image(&data) }
        };
        if let Ok(mut now) = NOW.lock() {
            *now = Some((number, Instant::now()));
        }
        let timed = || {
            let begun = Instant::now();
            let mut panicked = false;
            let peak = memory::peak_of(|| {
                panicked = std::panic::catch_unwind(mutant).is_err();
            });
            (begun.elapsed(), peak, panicked)
        };
        let (mut time, peak, panicked) = timed();
        if time > MAX_TIME {
            // The machine may have been busy with something else.
            time = time.min(timed().0);
        }
        if panicked || time > MAX_TIME || peak > MAX_PRIVATE {
            findings += 1;
            println!("mutant {number}: panicked: {panicked}, {time:?}, {peak} bytes");
        }
        slowest = slowest.max((time, number));
        largest = largest.max((peak, number));
    }
    println!(
        "{count} mutants in {:.0?}: {findings} findings; the slowest took {:.0?} (mutant {}), \
         the largest {:.1} MiB (mutant {})",
        begun.elapsed(),
        slowest.0,
        slowest.1,
        largest.0 as f64 / f64::from(1 << 20),
        largest.1,
    );
    i32::from(findings > 0)
}

/// What a mutant of several subjects is made of: the subject's number in the first two bytes.
pub fn pick<'a, T>(subjects: &'a [T], data: &'a [u8]) -> Option<(&'a T, &'a [u8])> {
    let (number, edits) = data.split_first_chunk::<2>()?;
    let index = usize::from(u16::from_le_bytes(*number)).checked_rem(subjects.len())?;
    Some((subjects.get(index)?, edits))
}
