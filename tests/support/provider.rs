//! A provider's API on a port of this machine, played by the test.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// What was asked of it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
}

impl Asked {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What it says.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// The connection breaks in the middle of the body.
    pub is_cut: bool,
}

impl Reply {
    pub fn json(value: &Value) -> Reply {
        Reply { status: 200, headers: Vec::new(), body: value.to_string(), is_cut: false }
    }

    pub fn status(status: u16, body: &str) -> Reply {
        Reply { status, headers: Vec::new(), body: body.to_owned(), is_cut: false }
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Reply {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn cut(self) -> Reply {
        Reply { is_cut: true, ..self }
    }
}

/// The API; it answers one request after the other, by a function of the request and how many came before it.
pub struct Provider {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Provider {
    pub fn start(mut answer: impl FnMut(&Asked, usize) -> Reply + Send + 'static) -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let Some(request) = read(&stream) else { continue };
                let before = heard.lock().unwrap().len();
                heard.lock().unwrap().push(request.clone());
                let reply = answer(&request, before);
                let mut text = format!("HTTP/1.1 {} Test\r\nconnection: close\r\n", reply.status);
                for (name, value) in &reply.headers {
                    text.push_str(&format!("{name}: {value}\r\n"));
                }
                text.push_str(&format!("content-length: {}\r\n\r\n", reply.body.len()));
                let sent = if reply.is_cut { reply.body.len() / 2 } else { reply.body.len() };
                let mut stream = stream;
                // Whoever was killed meanwhile does not hear it.
                let _ = stream.write_all(text.as_bytes());
                let _ = stream.write_all(&reply.body.as_bytes()[..sent]);
            }
        });
        Provider { url, asked }
    }

    /// Everything that was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// What was asked of one path.
    pub fn asked_of(&self, path: &str) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.path == path).collect()
    }
}

fn read(stream: &std::net::TcpStream) -> Option<Asked> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let first = lines.next()?.ok()?;
    let target = first.split(' ').nth(1)?;
    let url = reqwest::Url::parse(&format!("http://here{target}")).ok()?;
    let mut headers = Vec::new();
    for line in lines.map_while(Result::ok) {
        let Some((name, value)) = line.split_once(": ") else { break };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let query = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    Some(Asked { path: url.path().to_owned(), query, headers })
}
