//! What `top` shows, and what its keys mean. Knows no server and no terminal.

use console::Key;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Deed, Standing};

/// The head, the accounts' head and the last line take so many rows beside the tables.
const FRAME: usize = 5;

/// How things stand, and what is chosen of it.
pub(super) struct Screen {
    standing: Standing,
    /// The chosen sender's place.
    chosen: usize,
    /// Limits while they are typed.
    typed: Option<String>,
    /// What was said last to what a key asked for.
    pub(super) note: String,
    /// Why the last look failed; empty where it did not.
    pub(super) trouble: String,
}

/// A line, and whether it stands out.
pub(super) struct Line {
    pub(super) text: String,
    is_chosen: bool,
}

impl Line {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_chosen: false }
    }
}

impl Screen {
    pub(super) const fn new(standing: Standing) -> Self {
        Self { standing, chosen: 0, typed: None, note: String::new(), trouble: String::new() }
    }

    /// The same senders as they stand now. What is chosen stays so.
    pub(super) fn update(&mut self, standing: Standing) {
        let number = self.number().map(str::to_owned);
        self.standing = standing;
        self.trouble.clear();
        let place =
            self.standing.senders.iter().position(|sender| text(sender, "number") == number.as_deref());
        let last = self.standing.senders.len().saturating_sub(1);
        self.chosen = place.unwrap_or(self.chosen).min(last);
    }

    fn number(&self) -> Option<&str> {
        text(self.standing.senders.get(self.chosen)?, "number")
    }

    /// What a key does.
    pub(super) fn press(&mut self, key: &Key) -> Deed {
        if let Some(typed) = self.typed.take() {
            return self.type_on(typed, key);
        }
        let last = self.standing.senders.len().saturating_sub(1);
        match key {
            Key::Char('q') | Key::CtrlC | Key::Escape => return Deed::End,
            Key::ArrowUp | Key::Char('k') => self.chosen = self.chosen.saturating_sub(1),
            Key::ArrowDown | Key::Char('j') => self.chosen = (self.chosen + 1).min(last),
            Key::Char('p') => return self.ask("/pause"),
            Key::Char('r') => return self.ask("/resume"),
            Key::Char('t') => self.typed = self.number().map(|_| String::new()),
            _ => {}
        }
        Deed::Nothing
    }

    fn ask(&self, what: &str) -> Deed {
        match self.number() {
            Some(number) => Deed::Ask { path: format!("/v1/senders/{number}{what}"), body: None },
            None => Deed::Nothing,
        }
    }

    fn type_on(&mut self, mut typed: String, key: &Key) -> Deed {
        match key {
            Key::Escape | Key::CtrlC => return Deed::Nothing,
            Key::Enter => {
                let Some(number) = self.number() else { return Deed::Nothing };
                let limits: Vec<&str> =
                    typed.split(',').map(str::trim).filter(|one| !one.is_empty()).collect();
                let limits = if limits.is_empty() { Value::Null } else { json!(limits) };
                let path = format!("/v1/senders/{number}");
                return Deed::Ask { path, body: Some(json!({ "limits": limits })) };
            }
            Key::Backspace => drop(typed.pop()),
            Key::Char(letter) if !letter.is_control() => typed.push(*letter),
            _ => {}
        }
        self.typed = Some(typed);
        Deed::Nothing
    }

    /// The whole screen, for a terminal of so many rows and columns. What is longer than a row ends with it: a line
    /// that went on in the next one would push the first ones off the screen.
    pub(super) fn draw(&self, rows: usize, columns: usize) -> String {
        let mut whole = "\x1b[H".to_owned();
        let cut = |text: &str| text.chars().take(columns).collect::<String>();
        for line in self.lines(rows.saturating_sub(1)) {
            let (on, off) = if line.is_chosen { ("\x1b[7m", "\x1b[0m") } else { ("", "") };
            whole.extend(["\x1b[K", on, &cut(&line.text), off, "\r\n"]);
        }
        let last = match &self.typed {
            Some(typed) => format!("limits, with commas (nothing: the directory's): {typed}"),
            None if !self.trouble.is_empty() => self.trouble.clone(),
            None if self.note.is_empty() => {
                "up, down: choose  p: pause  r: resume  t: tune  q: end".to_owned()
            }
            None => self.note.clone(),
        };
        whole.extend(["\x1b[J", &cut(&last)]);
        whole
    }

    /// The tables, in at most so many rows.
    pub(super) fn lines(&self, rows: usize) -> Vec<Line> {
        let accounts = self.standing.accounts.as_deref().unwrap_or_default();
        let senders = &self.standing.senders;
        let room = rows.saturating_sub(accounts.len() + FRAME).max(1);
        // The chosen one is always among those that are shown.
        let first = (self.chosen + 1).saturating_sub(room);
        let plus = if self.standing.more { "+" } else { "" };
        let shown = senders.iter().enumerate().skip(first).take(room);
        let mut table = Table::new(["NUMBER", "ACCOUNT", "QUEUED", "OLDEST", "RATE (IN USE) OF LIMIT"]);
        let cells: Vec<_> = shown.map(|(place, sender)| (place, cells_of(sender), waits(sender))).collect();
        for (_, cells, _) in &cells {
            table.make_room_for(cells);
        }
        let mut lines = vec![Line::plain(format!("senders {}{plus}", senders.len()))];
        lines.push(Line::plain(table.row(&table.head.map(str::to_owned), "WAITS FOR")));
        for (place, cells, waits) in cells {
            lines.push(Line { text: table.row(&cells, &waits), is_chosen: place == self.chosen });
        }
        if !accounts.is_empty() {
            lines.push(Line::plain(""));
            lines.push(Line::plain(format!(
                "{:<20} {:<9} {:<9} {:<14} {}",
                "ACCOUNT", "PROVIDER", "CIRCUIT", "WHY", "IN FLIGHT OF ALLOWED"
            )));
            lines.extend(accounts.iter().map(|account| Line::plain(of_account(account))));
        }
        lines
    }
}

/// The senders' table: each column is as wide as what is in it, so that the last one, what a sender waits for, is
/// on a terminal of 80 columns, too.
struct Table {
    head: [&'static str; 5],
    widths: [usize; 5],
}

impl Table {
    fn new(head: [&'static str; 5]) -> Self {
        Self { head, widths: head.map(str::len) }
    }

    fn make_room_for(&mut self, cells: &[String; 5]) {
        for (width, cell) in self.widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }

    fn row(&self, cells: &[String; 5], last: &str) -> String {
        let [number, account, queued, oldest, limits] = cells;
        let [for_number, for_account, for_queued, for_oldest, for_limits] = self.widths;
        format!(
            "{number:<for_number$} {account:<for_account$} {queued:>for_queued$} {oldest:>for_oldest$}  \
             {limits:<for_limits$}  {last}"
        )
    }
}

/// What the table has of a sender, but for what it waits for.
fn cells_of(sender: &Value) -> [String; 5] {
    let limits = sender.get("limits").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let limits = limits.iter().map(|limit| {
        let used = limit
            .get("in_use")
            .and_then(Value::as_u64)
            .map_or_else(|| "-".to_owned(), |used| used.to_string());
        format!("{used} of {}", text(limit, "limit").unwrap_or_default())
    });
    let limits: Vec<String> = limits.collect();
    let limits = if limits.is_empty() { "no limit".to_owned() } else { limits.join(", ") };
    let lanes = sender.get("lanes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let oldest =
        lanes.iter().filter_map(|lane| text(lane, "oldest_queued_at")?.parse::<Timestamp>().ok()).min();
    let words = |name: &str| text(sender, name).unwrap_or_default().to_owned();
    let queued = sender.get("queued").and_then(Value::as_u64).unwrap_or_default();
    let oldest = oldest.map_or_else(String::new, age);
    [words("number"), words("account"), queued.to_string(), oldest, limits]
}

/// What a sender's next message waits for, in a few words.
pub(in crate::cli) fn waits(sender: &Value) -> String {
    if sender.get("paused").and_then(Value::as_bool) == Some(true) {
        return match text(sender, "paused_until") {
            Some(until) => format!("paused until {until}"),
            None => "paused".to_owned(),
        };
    }
    let what = text(sender, "waiting_for").unwrap_or_default();
    match text(sender, "waiting_for_limit") {
        Some(limit) => format!("{what} {limit}"),
        None => what.to_owned(),
    }
}

fn of_account(account: &Value) -> String {
    let circuit = account.get("circuit").unwrap_or(&Value::Null);
    let places = account.get("places").unwrap_or(&Value::Null);
    let count = |name: &str| places.get(name).and_then(Value::as_u64).unwrap_or_default();
    format!(
        "{:<20} {:<9} {:<9} {:<14} {} of {}",
        text(account, "name").unwrap_or_default(),
        text(account, "provider").unwrap_or_default(),
        text(circuit, "state").unwrap_or_default(),
        text(circuit, "reason").unwrap_or_default(),
        count("in_flight"),
        count("allowed"),
    )
}

/// A text field.
pub(in crate::cli) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

/// How long ago that was, by this machine's clock, in its largest unit.
#[expect(clippy::disallowed_methods, reason = "for a person's eyes; nothing is decided by it")]
fn age(then: Timestamp) -> String {
    let seconds = Timestamp::now().duration_since(then).as_secs().max(0);
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=7199 => format!("{}min", seconds / 60),
        7200..=172_799 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(number: &str, paused: bool) -> Value {
        json!({
            "number": number, "account": "acme", "queued": 7, "paused": paused, "paused_until": null,
            "waiting_for": "pace", "waiting_for_limit": "1/s",
            "limits": [{ "limit": "1/s", "in_use": 1 }], "lanes": [],
        })
    }

    fn screen(count: usize) -> Screen {
        let senders = (0..count).map(|index| sender(&format!("+100{index:03}"), index == 1)).collect();
        let account = json!({ "name": "acme", "provider": "twilio",
            "circuit": { "state": "open", "reason": "outage" }, "places": { "in_flight": 3, "allowed": 64 } });
        Screen::new(Standing { senders, more: false, accounts: Some(vec![account]) })
    }

    fn shown(screen: &Screen, rows: usize) -> Vec<String> {
        screen.lines(rows).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn a_sender_and_an_account_are_a_line_each() {
        let lines = shown(&screen(2), 40).join("\n");
        for what in ["+100000", "1 of 1/s", "pace 1/s", "paused", "open", "outage", "3 of 64"] {
            assert!(lines.contains(what), "{what}: {lines}");
        }
    }

    #[test]
    fn what_it_waits_for_is_seen_on_80_columns_and_no_row_goes_on_in_the_next() {
        let mut screen = screen(2);
        let drawn = |screen: &Screen, columns| {
            let mut terminal = vt100::Parser::new(rows(12), rows(columns), 0);
            terminal.process(screen.draw(12, columns.into()).as_bytes());
            let contents = terminal.screen().contents();
            contents.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let wide = drawn(&screen, 80);
        assert!(wide[2].contains("+100000") && wide[2].contains("1 of 1/s") && wide[2].ends_with("pace 1/s"));
        screen.note = "a sentence that is longer than twenty columns".to_owned();
        let narrow = drawn(&screen, 20);
        assert_eq!(narrow.len(), wide.len(), "{narrow:?}");
        assert!(narrow[2].starts_with("+100000") && narrow[3].starts_with("+100001"), "{narrow:?}");
    }

    fn rows(count: u16) -> std::num::NonZero<u16> {
        std::num::NonZero::new(count).unwrap()
    }

    #[test]
    fn the_chosen_sender_is_always_shown() {
        let mut screen = screen(100);
        for _ in 0..60 {
            assert_eq!(screen.press(&Key::ArrowDown), Deed::Nothing);
        }
        let lines = screen.lines(20);
        let chosen: Vec<&Line> = lines.iter().filter(|line| line.is_chosen).collect();
        assert!(lines.len() <= 20 && chosen.len() == 1 && chosen[0].text.starts_with("+100060"));
    }

    #[test]
    fn keys_pause_resume_and_tune_the_chosen_one() {
        let mut screen = screen(2);
        let ask = |path: &str, body| Deed::Ask { path: path.to_owned(), body };
        screen.press(&Key::Char('j'));
        assert_eq!(screen.press(&Key::Char('p')), ask("/v1/senders/+100001/pause", None));
        assert_eq!(screen.press(&Key::Char('r')), ask("/v1/senders/+100001/resume", None));
        for typed in ["5/s, 100/dayx", ""] {
            screen.press(&Key::Char('t'));
            typed.chars().for_each(|letter| drop(screen.press(&Key::Char(letter))));
            if !typed.is_empty() {
                screen.press(&Key::Backspace);
            }
            let limits = if typed.is_empty() { Value::Null } else { json!(["5/s", "100/day"]) };
            let body = Some(json!({ "limits": limits }));
            assert_eq!(screen.press(&Key::Enter), ask("/v1/senders/+100001", body));
        }
        screen.press(&Key::Char('t'));
        assert_eq!(screen.press(&Key::Char('q')), Deed::Nothing);
        assert_eq!(screen.press(&Key::Escape), Deed::Nothing);
        assert_eq!(screen.press(&Key::Char('q')), Deed::End);
    }

    #[test]
    fn what_is_chosen_stays_so_when_others_come_and_go() {
        let mut all = screen(5);
        all.press(&Key::Char('j'));
        all.press(&Key::Char('j'));
        all.update(Standing { senders: vec![sender("+100002", false)], ..Standing::default() });
        assert_eq!(all.number(), Some("+100002"));
        all.update(Standing::default());
        assert_eq!(all.number(), None);
        assert_eq!(all.press(&Key::Char('p')), Deed::Nothing);
    }
}
