//! HTTP-dates (RFC 9110 §5.6.7): all three formats are read, the first is written.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;

const YEAR_10000: u64 = 253_402_300_800;

/// Whole seconds since 1970, which is as exact as an HTTP-date is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Date(i64);

impl Date {
    /// The second that this moment is in, 1970 at the earliest.
    pub(super) fn of(moment: SystemTime) -> Self {
        let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    /// What a header says; `now` decides which century a year of two digits is in.
    pub(super) fn parse(value: &HeaderValue, now: Self) -> Option<Self> {
        let text = value.to_str().ok()?;
        let date = imf_fixdate(text).or_else(|| asctime(text));
        date.or_else(|| rfc850(text, now)).map(Self)
    }

    /// As a header says it; `None` before 1970 and after 9999.
    pub(super) fn to_header(self) -> Option<HeaderValue> {
        let seconds = u64::try_from(self.0).ok().filter(|it| *it < YEAR_10000)?;
        let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
        HeaderValue::try_from(text).ok()
    }
}

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const LONG_DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn imf_fixdate(text: &str) -> Option<i64> {
    let (day_name, rest) = text.split_once(", ")?;
    let (date, time) = rest.strip_suffix(" GMT")?.rsplit_once(' ')?;
    let mut date = date.split(' ');
    let (day, month, year) = (date.next()?, date.next()?, date.next()?);
    let known = DAYS.contains(&day_name) && date.next().is_none();
    seconds(known.then(|| number(year, 4))??, month, number(day, 2)?, time)
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn rfc850(text: &str, now: Date) -> Option<i64> {
    let (day_name, rest) = text.split_once(", ")?;
    let (date, time) = rest.strip_suffix(" GMT")?.split_once(' ')?;
    let mut date = date.split('-');
    let (day, month, year) = (date.next()?, date.next()?, date.next()?);
    if !LONG_DAYS.contains(&day_name) || date.next().is_some() {
        return None;
    }
    // RFC 9110 §5.6.7: what appears to be more than 50 years in the future is the most recent year
    // in the past that ends in the same two digits.
    let this_year = year_of(now);
    let year = this_year - this_year.rem_euclid(100) + number(year, 2)?;
    let year = if year > this_year + 50 { year - 100 } else { year };
    seconds(year, month, number(day, 2)?, time)
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(text: &str) -> Option<i64> {
    let (date, time_and_year) = text.split_at_checked(11)?;
    let (time, year) = time_and_year.split_once(' ')?;
    let (day_name, date) = date.split_once(' ')?;
    let (month, day) = date.split_at_checked(4)?;
    let day = day.strip_suffix(' ')?;
    let day = day.strip_prefix(' ').map_or_else(|| number(day, 2), |digit| number(digit, 1))?;
    let known = DAYS.contains(&day_name);
    seconds(known.then(|| number(year, 4))??, month.strip_suffix(' ')?, day, time)
}

fn seconds(year: i64, month: &str, day: i64, time: &str) -> Option<i64> {
    let month = MONTHS.iter().position(|it| *it == month)?;
    let mut time = time.split(':').map(|field| number(field, 2));
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let is_date = (1..=length(year, month)).contains(&day);
    // A 60th second is a leap second.
    let is_time = hour < 24 && minute < 60 && second <= 60 && time.next().is_none();
    let days = days_before(year) + (0..month).map(|it| length(year, it)).sum::<i64>() + day - 1;
    (is_date && is_time).then_some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Exactly so many digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    let is_one = text.len() == digits && text.bytes().all(|it| it.is_ascii_digit());
    is_one.then(|| text.parse().ok())?
}

/// The days of a month, which are counted from 0 here.
fn length(year: i64, month: usize) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    [31, 28 + i64::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month]
}

/// The days from 1970 to the first of a year.
fn days_before(year: i64) -> i64 {
    let past = year - 1;
    let leaps = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    (year - 1970) * 365 + leaps(past) - leaps(1969)
}

fn year_of(date: Date) -> i64 {
    let days = date.0.div_euclid(86_400);
    // A year has 365.2425 days on average, so this is the year or the one beside it.
    let near = 1970 + days.saturating_mul(400) / 146_097;
    (near - 1..=near + 1).rfind(|year| days_before(*year) <= days).unwrap_or(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-26.
    const NOW: Date = Date(1_795_651_200);

    fn parse(text: &str) -> Option<i64> {
        Date::parse(&HeaderValue::from_str(text).unwrap(), NOW).map(|date| date.0)
    }

    #[test]
    fn all_three_formats_are_read() {
        for (text, seconds) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777),
            ("Wed Nov 16 08:49:37 1994", 784_975_777),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
            ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800),
            // 49, 50 and 51 years ahead of 2026.
            ("Friday, 01-Jan-75 00:00:00 GMT", 3_313_526_400),
            ("Friday, 01-Jan-76 00:00:00 GMT", 3_345_062_400),
            ("Friday, 01-Jan-77 00:00:00 GMT", 220_924_800),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "0",
            "784111777",
            "yesterday",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Abc, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Tue, 29 Feb 1900 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994",
            "Sun Nov  6 08:49:37 1994 GMT",
            "Sun Nov  6 08:49:37 199",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_is_written_as_it_is_read() {
        for seconds in [0, 784_111_777, 951_825_600, 4_102_444_799] {
            let value = Date(seconds).to_header().unwrap();
            assert_eq!(Date::parse(&value, NOW), Some(Date(seconds)), "{value:?}");
        }
        assert_eq!(Date(-1).to_header(), None);
        assert_eq!(Date(i64::MAX).to_header(), None);
    }

    #[test]
    fn the_year_of_a_date_is_found() {
        for year in 1901..=2500 {
            let first = days_before(year) * 86_400;
            assert_eq!((year_of(Date(first - 1)), year_of(Date(first))), (year - 1, year));
        }
        assert_eq!(year_of(NOW), 2026);
    }
}
