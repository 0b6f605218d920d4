//! A terminal with a program in it: what its screen shows, and keys.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use vt100::{Color, Parser};

use crate::process::yard::{PATIENCE, eventually};

const SIZE: PtySize = PtySize { rows: 40, cols: 200, pixel_width: 0, pixel_height: 0 };

/// A program on a terminal. Killed when dropped.
pub(super) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<Mutex<Parser>>,
    reader: Option<JoinHandle<()>>,
    keys: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Starts the built program there.
    pub(super) fn start(home: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(SIZE).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_sendyard"));
        command.env_clear();
        command.env("TERM", "xterm-256color");
        command.env("RUST_LOG", "off");
        for (name, value) in environment {
            command.env(name, value);
        }
        command.args(arguments);
        command.cwd(home);
        let child = pair.slave.spawn_command(command).unwrap();
        // Its end is seen only when nobody else has it open.
        drop(pair.slave);
        let (rows, columns) = (NonZero::new(SIZE.rows).unwrap(), NonZero::new(SIZE.cols).unwrap());
        let screen = Arc::new(Mutex::new(Parser::new(rows, columns, 0)));
        let mut output = pair.master.try_clone_reader().unwrap();
        let shown = Arc::clone(&screen);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // An error is how a terminal ends whose program is gone.
            while let Ok(read) = output.read(&mut buffer) {
                if read == 0 {
                    break;
                }
                shown.lock().unwrap().process(&buffer[..read]);
            }
        });
        let keys = pair.master.take_writer().unwrap();
        Self { child, screen, reader: Some(reader), keys, master: pair.master }
    }

    /// What is on the screen.
    pub(super) fn screen(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen shows this.
    pub(super) async fn shows(&self, what: &str) {
        let seen = async || self.screen().contains(what).then_some(());
        let _shown_if_it_fails = Shown(self);
        eventually(&format!("the screen shows {what:?}"), PATIENCE, seen).await;
    }

    /// The colour of the first place where this stands.
    pub(super) fn colour_of(&self, text: &str) -> Color {
        let parser = self.screen.lock().unwrap();
        let screen = parser.screen();
        for row in 0..SIZE.rows {
            let line = screen.contents_between(row, 0, row, SIZE.cols);
            if let Some(column) = line.find(text) {
                let column = u16::try_from(line[..column].chars().count()).unwrap();
                return screen.cell(row, column).unwrap().fgcolor();
            }
        }
        panic!("{text:?} is not on the screen:\n{}", screen.contents());
    }

    pub(super) fn press(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).unwrap();
        self.keys.flush().unwrap();
    }

    /// The modes of the terminal: does it echo, does it pass on whole lines, and so on.
    pub(super) fn modes(&self) -> String {
        format!("{:?}", self.master.get_termios().unwrap())
    }

    /// Sends it a signal, by its name without `SIG`.
    pub(super) fn signal(&self, name: &str) {
        let id = self.child.process_id().unwrap();
        let script = format!("kill -{name} {id}");
        let sent = std::process::Command::new("/bin/sh").arg("-c").arg(script).status().unwrap();
        assert!(sent.success());
    }

    /// SIGKILL; returns when it is gone.
    pub(super) fn kill(mut self) {
        self.signal("KILL");
        self.child.wait().unwrap();
    }

    /// Waits for its end: its code, and the screen as it leaves it.
    pub(super) fn ended(mut self) -> (u32, String) {
        let status = self.child.wait().unwrap();
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        (status.exit_code(), self.screen())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // An error says that it has ended.
        let _ = self.child.kill();
    }
}

/// Says what is on the screen when a wait was in vain.
struct Shown<'a>(&'a Terminal);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the screen:\n{}", self.0.screen());
        }
    }
}
