//! Days since 1970-01-01, as `/etc/shadow` counts them, and dates.

use std::time::{SystemTime, UNIX_EPOCH};

/// Days that a date is told of; others, some 27,000 years away, stay numbers.
const RANGE: std::ops::RangeInclusive<i64> = -9_999_999..=9_999_999;

/// Days of 400 years of the Gregorian calendar.
const DAYS_OF_400_YEARS: i64 = 146_097;

/// The days of each month.
const MONTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// The day of a date, counted from 1970-01-01, which is day 0. The month is taken to be 1 to 12.
///
/// ```
/// use image_preflight::rules::day;
///
/// assert_eq!(day::number(2026, 12, 31), 20_818);
/// assert_eq!(day::date(20_818), "2026-12-31");
/// ```
pub fn number(year: i64, month: u8, day: u8) -> i64 {
    // Years from March on, so that the leap day is a year's last (Howard Hinnant, chrono-compatible
    // low-level date algorithms, days_from_civil).
    let month = i64::from(month.clamp(1, 12));
    let year = if month <= 2 { year.saturating_sub(1) } else { year };
    let cycle = year.div_euclid(400);
    let in_cycle = year.rem_euclid(400);
    let from_march = (month.saturating_add(9)).rem_euclid(12);
    let in_year =
        from_march.saturating_mul(153).saturating_add(2).div_euclid(5).saturating_add(day.into());
    let days = in_cycle
        .saturating_mul(365)
        .saturating_add(in_cycle.div_euclid(4))
        .saturating_sub(in_cycle.div_euclid(100))
        .saturating_add(in_year);
    // 719469 days lie between 0000-03-01 and 1970-01-01, and the day of the month counts from 1.
    cycle.saturating_mul(DAYS_OF_400_YEARS).saturating_add(days).saturating_sub(719_469)
}

/// The day of a moment in UTC; day 0 before it.
pub fn of(time: SystemTime) -> i64 {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(seconds.div_euclid(86_400)).unwrap_or(i64::MAX)
}

/// Today in UTC, by the clock of this machine.
#[allow(clippy::disallowed_methods, reason = "the one place that asks the clock for the day")]
pub fn today() -> i64 {
    of(SystemTime::now())
}

/// The date (`2026-01-01`, UTC) of a day counted from 1970-01-01, which is day 0.
pub fn date(day: i64) -> String {
    if !RANGE.contains(&day) {
        return format!("day {day} since 1970-01-01");
    }
    // The calendar repeats after 400 years.
    let cycles = day.div_euclid(DAYS_OF_400_YEARS);
    let mut left = day.rem_euclid(DAYS_OF_400_YEARS);
    let mut year = cycles.saturating_mul(400).saturating_add(1970);
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while left >= if is_leap(year) { 366 } else { 365 } {
        left = left.saturating_sub(if is_leap(year) { 366 } else { 365 });
        year = year.saturating_add(1);
    }
    let mut month = 1_u32;
    for (days, number) in MONTHS.into_iter().zip(1_u32..) {
        let days = if number == 2 && is_leap(year) { 29 } else { days };
        month = number;
        if left < days {
            break;
        }
        left = left.saturating_sub(days);
    }
    let day = left.saturating_add(1);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_the_dates_that_date_1_gives() {
        // date -u -d '1970-01-01 + N days' +%F (GNU coreutils 9.1)
        for (day, expected) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (789, "1972-02-29"),
            (10_956, "1999-12-31"),
            (11_016, "2000-02-29"),
            (20_454, "2026-01-01"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
            (99_999, "2243-10-16"),
        ] {
            assert_eq!(date(day), expected, "{day}");
            let mut parts = expected.split('-').map(|part| part.parse::<i64>().unwrap());
            let mut part = || parts.next().unwrap();
            let (year, month, of_month) = (part(), part(), part());
            let (month, of_month) = (month.try_into().unwrap(), of_month.try_into().unwrap());
            assert_eq!(number(year, month, of_month), day, "{expected}");
        }
        assert_eq!(date(i64::MAX), format!("day {} since 1970-01-01", i64::MAX));
    }
}
