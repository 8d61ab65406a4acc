//! The binary under test.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::Client;

/// A data directory and the binary over it.
pub struct Mizan {
    pub data: PathBuf,
    _dir: Option<tempfile::TempDir>,
}

impl Mizan {
    pub fn new() -> Mizan {
        let dir = tempfile::tempdir().unwrap();
        Mizan { data: dir.path().join("data"), _dir: Some(dir) }
    }

    pub fn at(data: &Path) -> Mizan {
        Mizan { data: data.to_owned(), _dir: None }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mizan"));
        command.args(arguments).env_clear().env("MIZAN_DATA", &self.data).current_dir(self.home());
        for name in ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }

    /// A folder without a `mizan.toml`, so that no settings of the developer's leak in.
    pub fn home(&self) -> PathBuf {
        let home = self.data.parent().unwrap().to_owned();
        std::fs::create_dir_all(&home).unwrap();
        home
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs a command that must work, and gives its standard output.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(
            output.status.success(),
            "mizan {arguments:?} failed ({})\nstdout: {out}\nstderr: {err}",
            output.status
        );
        out
    }

    /// Runs a command that must fail with this exit code, and gives what it told.
    pub fn fails(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "mizan {arguments:?}\nstdout: {out}\nstderr: {err}");
        err
    }

    /// The rows of a query, by the command line.
    pub fn sql(&self, query: &str) -> Vec<Value> {
        let out = self.ok(&["sql", query, "--format", "json"]);
        let answer: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
        assert_eq!(answer["truncated"], false);
        answer["rows"].as_array().unwrap().clone()
    }

    /// The one value of a query, as text.
    pub fn value(&self, query: &str) -> String {
        let rows = self.sql(query);
        assert_eq!(rows.len(), 1, "{query}: {rows:?}");
        plain(rows[0].as_object().unwrap().values().next().unwrap())
    }

    pub fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    pub fn serve_with(&self, extra: &[(&str, &str)]) -> Server {
        let mut command = self.command(&["serve", "--http", "127.0.0.1:0"]);
        for (name, value) in extra {
            command.env(name, value);
        }
        Server::start(command, &self.data)
    }
}

/// A JSON value without the quotes of text.
pub fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running server; killed when dropped.
pub struct Server {
    pub address: SocketAddr,
    pub key: String,
    child: Child,
}

impl Server {
    /// Starts it and waits until it says where it listens.
    pub fn start(mut command: Command, data: &Path) -> Server {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if std::env::var_os("MIZAN_TEST_SHOW").is_some() {
                    eprintln!("server: {line}");
                }
            }
        });
        let (send, receive) = std::sync::mpsc::channel();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        let deadline = Instant::now() + Duration::from_secs(60);
        let address = loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = receive
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("the server did not say where it listens: {:?}", child.try_wait()));
            if let Some((_, rest)) = line.split_once("http://") {
                break rest.split(['/', ' ']).next().unwrap().parse().unwrap();
            }
        };
        let key = std::fs::read_to_string(data.join("admin.key")).unwrap().trim().to_owned();
        let server = Server { address, key, child };
        server.wait_until_ready();
        server
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if Client::new(self.address).get("/readyz", None).is_ok_and(|answer| answer.status == 200) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the server is not ready after a minute");
    }

    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    pub fn get(&self, path: &str) -> super::Answer {
        self.client().get(path, Some(&self.key)).unwrap()
    }

    pub fn post(&self, path: &str, content_type: &str, body: &[u8]) -> super::Answer {
        self.client().post(path, Some(&self.key), content_type, body).unwrap()
    }

    pub fn events(&self, lines: &str) -> super::Answer {
        self.post("/v1/events", "application/x-ndjson", lines.as_bytes())
    }

    /// The rows of a query over HTTP.
    pub fn sql(&self, query: &str) -> Vec<Value> {
        let body = serde_json::json!({ "query": query }).to_string();
        let answer = self.post("/v1/sql", "application/json", body.as_bytes());
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        answer.json()["rows"].as_array().unwrap().clone()
    }

    /// The rows of a query once there are as many: an event is visible a moment after its 2xx.
    pub fn rows(&self, query: &str, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let rows = self.sql(query);
            if rows.len() == count || Instant::now() > deadline {
                assert_eq!(rows.len(), count, "{query}: {rows:?}");
                return rows;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn value(&self, query: &str) -> String {
        let rows = self.sql(query);
        plain(rows[0].as_object().unwrap().values().next().unwrap())
    }

    /// SIGKILL: no goodbye.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// SIGINT, as Ctrl-C gives it; the exit code.
    pub fn interrupt(mut self) -> Option<i32> {
        let killed = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the server does not stop on SIGINT");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
