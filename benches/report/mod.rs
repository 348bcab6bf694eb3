//! What the benchmarks have found: rows of samples, told as a table and written as JSON.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// Whose samples the goals are for, and what they are compared with.
pub const OURS: &str = "pmtr";
pub const LIMIT: &str = "bare";

/// What a row is to come to.
#[derive(Clone, Copy)]
pub enum Goal {
    /// So many times the limit in the same run.
    Times(f64),
    /// At most this.
    Most(f64),
    /// At least this.
    Least(f64),
    /// Ahead of everybody but the limit.
    First,
    /// None: the row is told for its own sake.
    None,
}

/// The samples of one row, by who gave them.
pub struct Row {
    what: String,
    unit: &'static str,
    goals: Vec<Goal>,
    samples: BTreeMap<String, Vec<f64>>,
}

/// All rows of one benchmark.
pub struct Report {
    bench: &'static str,
    columns: Vec<String>,
    rows: Vec<Row>,
}

impl Report {
    pub fn new(bench: &'static str, columns: Vec<String>) -> Report {
        Report { bench, columns, rows: Vec::new() }
    }

    /// The row of this name, which is made when it is asked for first.
    pub fn row(&mut self, what: &str, unit: &'static str, goals: &[Goal]) -> usize {
        if let Some(at) = self.rows.iter().position(|row| row.what == what) {
            return at;
        }
        let samples = BTreeMap::new();
        self.rows.push(Row { what: what.to_string(), unit, goals: goals.to_vec(), samples });
        self.rows.len() - 1
    }

    /// One more sample of a row; what could not be measured is no sample.
    pub fn add(&mut self, row: usize, who: &str, sample: Option<f64>) {
        if let Some(sample) = sample {
            self.rows[row].samples.entry(who.to_string()).or_default().push(sample);
        }
    }

    /// Tells the table and writes the file.
    pub fn finish(&self, rounds: &str) {
        println!("{}", self.table());
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        let dir = target.join("bench");
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join(format!("{}.json", self.bench));
        fs::write(&path, self.json(rounds)).unwrap();
        println!("written to {}", path.display());
    }

    fn table(&self) -> String {
        let mut text = format!("{}, {} processors, Linux {}\n\n", date(), processors(), kernel());
        let widest = self.rows.iter().map(|row| row.what.len()).max().unwrap_or(0);
        let _ = write!(text, "{:<widest$}  {:<5}", "", "");
        for column in &self.columns {
            let _ = write!(text, " {column:>12}");
        }
        let _ = writeln!(text, "  ratio  goal");
        for row in &self.rows {
            let _ = write!(text, "{:<widest$}  {:<5}", row.what, row.unit);
            for column in &self.columns {
                let shown = row.median(column).map_or("-".to_string(), short);
                let _ = write!(text, " {shown:>12}");
            }
            let ratio = row.ratio().map_or("-".to_string(), |ratio| format!("{ratio:.2}"));
            let goals: Vec<String> = row
                .goals
                .iter()
                .filter_map(|goal| row.verdict(*goal))
                .map(|(goal, holds)| format!("{goal}: {}", if holds { "holds" } else { "MISSED" }))
                .collect();
            let _ = writeln!(text, " {ratio:>6}  {}", goals.join(", "));
        }
        text
    }

    fn json(&self, rounds: &str) -> String {
        let rows: Vec<String> = self.rows.iter().map(Row::json).collect();
        format!(
            "{{\n\"bench\": {},\n\"date\": {},\n\"machine\": {{\"processors\": {}, \"kernel\": {}}},\n\
             \"rounds\": {},\n\"rows\": [\n{}\n]\n}}\n",
            quoted(self.bench),
            quoted(&date()),
            processors(),
            quoted(&kernel()),
            quoted(rounds),
            rows.join(",\n")
        )
    }
}

impl Row {
    fn median(&self, who: &str) -> Option<f64> {
        self.samples.get(who).map(|samples| median(samples))
    }

    fn ratio(&self) -> Option<f64> {
        Some(self.median(OURS)? / self.median(LIMIT)?)
    }

    /// The goal in words, and whether it is met. None when there is nothing to judge.
    fn verdict(&self, goal: Goal) -> Option<(String, bool)> {
        let ours = self.median(OURS)?;
        match goal {
            Goal::Times(most) => Some((format!("at most {most} x"), self.ratio()? <= most)),
            Goal::Most(most) => Some((format!("at most {most}"), ours <= most)),
            Goal::Least(least) => Some((format!("at least {least}"), ours >= least)),
            Goal::First => {
                let mut others = self.samples.keys().filter(|who| !who.starts_with(OURS) && *who != LIMIT);
                let first = others.clone().all(|who| self.median(who).is_some_and(|other| ours < other));
                others.next().map(|_| ("ahead of all".to_string(), first))
            }
            Goal::None => None,
        }
    }

    fn json(&self) -> String {
        let keepers: Vec<String> = self
            .samples
            .iter()
            .map(|(who, samples)| {
                let (least, most) =
                    samples.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), sample| {
                        (a.min(*sample), b.max(*sample))
                    });
                let all: Vec<String> = samples.iter().map(|sample| number(*sample)).collect();
                format!(
                    "    {}: {{\"count\": {}, \"median\": {}, \"min\": {}, \"max\": {}, \"samples\": [{}]}}",
                    quoted(who),
                    samples.len(),
                    number(median(samples)),
                    number(least),
                    number(most),
                    all.join(", ")
                )
            })
            .collect();
        let goals: Vec<String> = self
            .goals
            .iter()
            .filter_map(|goal| self.verdict(*goal))
            .map(|(goal, holds)| {
                let verdict = if holds { "holds" } else { "missed" };
                format!("{{\"goal\": {}, \"verdict\": {}}}", quoted(&goal), quoted(verdict))
            })
            .collect();
        format!(
            "  {{\"row\": {}, \"unit\": {}, \"ratio\": {}, \"goals\": [{}], \"keepers\": {{\n{}\n  }}}}",
            quoted(&self.what),
            quoted(self.unit),
            self.ratio().map_or("null".to_string(), number),
            goals.join(", "),
            keepers.join(",\n")
        )
    }
}

pub fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() % 2 {
        0 if half > 0 => f64::midpoint(sorted[half - 1], sorted[half]),
        _ => sorted.get(half).copied().unwrap_or(f64::NAN),
    }
}

fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1_000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

/// JSON knows no infinity.
fn number(value: f64) -> String {
    if value.is_finite() { format!("{value:.4}") } else { "null".to_string() }
}

fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(0, usize::from)
}

fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_string()
}

/// The day and the minute, in UTC.
fn date() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (mut day, mut year) = (seconds / 86_400, 1970);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let minute = seconds / 60 % 1_440;
    format!("{year}-{month:02}-{:02} {:02}:{:02} UTC", day + 1, minute / 60, minute % 60)
}
