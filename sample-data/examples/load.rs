//! Posts durable events over HTTP from many clients and measures what comes back; see `bench/README.md`.
//!
//! `cargo run --release -p mizan-sample-data --example load -- ADDRESS --key-file FILE [--clients 64] [--seconds 10]
//! [--batch 1,500] [--disk FOLDER] [--visible 100]`
//!
//! Plain threads and plain HTTP/1.1 on kept-alive connections, so that the client takes little of the machine.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

type Failure = Box<dyn Error + Send + Sync>;

/// An event that is not to be seen by now will not be seen.
const VISIBLE_WITHIN: Duration = Duration::from_secs(60);

struct Options {
    address: String,
    key: String,
    clients: usize,
    seconds: u64,
    batches: Vec<usize>,
    disk: Option<PathBuf>,
    visible: usize,
}

fn main() -> Result<(), Failure> {
    let options = Arc::new(options()?);
    let run = Timestamp::now().as_microsecond();
    if let Some(folder) = &options.disk {
        println!("{}", disk(folder)?);
    }
    println!("| events a request | clients | events/s | requests/s | p50, ms | p99, ms | slowest, ms |");
    println!("|---:|---:|---:|---:|---:|---:|---:|");
    for batch in &options.batches {
        println!("{}", post(&options, *batch, run)?);
    }
    if let Some(folder) = &options.disk {
        println!("\n{}", disk(folder)?);
    }
    if options.visible > 0 {
        println!("{}", visible(&options, run)?);
    }
    Ok(())
}

fn options() -> Result<Options, Failure> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("usage: load ADDRESS --key-file FILE …")?;
    let mut options = Options {
        address,
        key: String::new(),
        clients: 64,
        seconds: 10,
        batches: vec![1, 500],
        disk: None,
        visible: 100,
    };
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--key-file" => options.key = fs::read_to_string(value)?.trim().to_owned(),
            "--clients" => options.clients = value.parse()?,
            "--seconds" => options.seconds = value.parse()?,
            "--batch" => options.batches = value.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "--disk" => options.disk = Some(value.into()),
            "--visible" => options.visible = value.parse()?,
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    Ok(options)
}

/// How often the disk can make an append of 4 KiB durable.
fn disk(folder: &Path) -> Result<String, Failure> {
    let path = folder.join("fdatasync.probe");
    let mut file = File::create(&path)?;
    let block = [7_u8; 4096];
    let (begun, mut times) = (Instant::now(), Vec::new());
    while begun.elapsed() < Duration::from_secs(2) {
        let before = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(before.elapsed());
    }
    let rate = times.len() as f64 / begun.elapsed().as_secs_f64();
    drop(file);
    fs::remove_file(path)?;
    times.sort_unstable();
    Ok(format!("disk: {rate:.0} fdatasync/s of 4 KiB, p50 {:.2} ms, p99 {:.2} ms", at(&times, 50), at(&times, 99)))
}

/// All clients at once for a while; one row of the table.
fn post(options: &Arc<Options>, batch: usize, run: i64) -> Result<String, Failure> {
    let start = Arc::new(Barrier::new(options.clients));
    let clients: Vec<_> = (0..options.clients)
        .map(|client| {
            let (options, start) = (Arc::clone(options), Arc::clone(&start));
            thread::spawn(move || -> Result<Vec<Duration>, Failure> {
                let connected = Connection::open(&options);
                // Waited for also by a client that has no connection, so that the others do not wait for ever.
                start.wait();
                let mut connection = connected?;
                let (begun, mut times, mut sent) = (Instant::now(), Vec::new(), 0);
                while begun.elapsed() < Duration::from_secs(options.seconds) {
                    let body = events(&format!("load-{run}-{batch}-{client}"), sent, batch);
                    sent += batch;
                    let before = Instant::now();
                    let answer = connection.post("/v1/events", "application/x-ndjson", body.as_bytes())?;
                    times.push(before.elapsed());
                    if !answer.replace(' ', "").contains(&format!("\"accepted\":{batch},")) {
                        return Err(format!("not all {batch} events were accepted: {answer}").into());
                    }
                }
                Ok(times)
            })
        })
        .collect();
    let begun = Instant::now();
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.join().map_err(|_| "a client panicked")??);
    }
    let seconds = begun.elapsed().as_secs_f64();
    times.sort_unstable();
    let requests = times.len() as f64 / seconds;
    Ok(format!(
        "| {batch} | {} | {:.0} | {requests:.0} | {:.2} | {:.2} | {:.2} |",
        options.clients,
        requests * batch as f64,
        at(&times, 50),
        at(&times, 99),
        at(&times, 100)
    ))
}

/// From the answer to an event until SQL counts it.
fn visible(options: &Options, run: i64) -> Result<String, Failure> {
    let mut connection = Connection::open(options)?;
    let mut times = Vec::new();
    for number in 0..options.visible {
        let name = format!("visible-{run}");
        connection.post("/v1/events", "application/x-ndjson", events(&name, number, 1).as_bytes())?;
        let answered = Instant::now();
        let query = format!("SELECT count(*) AS n FROM events.storefront WHERE event_id = '{name}-{number}'");
        let body = format!(r#"{{"query":"{query}"}}"#);
        loop {
            let answer = connection.post("/v1/sql", "application/json", body.as_bytes())?.replace(' ', "");
            if answer.contains(r#""n":"1""#) || answer.contains(r#""n":1"#) {
                break;
            }
            if answered.elapsed() > VISIBLE_WITHIN {
                return Err(format!("{name}-{number} was acknowledged and is not visible: {answer}").into());
            }
        }
        times.push(answered.elapsed());
    }
    times.sort_unstable();
    Ok(format!(
        "from 2xx to counted by SQL, the query included, {} events: p50 {:.1} ms, p99 {:.1} ms, slowest {:.1} ms",
        times.len(),
        at(&times, 50),
        at(&times, 99),
        at(&times, 100)
    ))
}

/// Some events, a line each.
fn events(name: &str, first: usize, count: usize) -> String {
    let time = Timestamp::now();
    (first..first + count)
        .map(|number| {
            format!(
                concat!(
                    r#"{{"specversion":"1.0","id":"{name}-{number}","source":"load","type":"storefront.view_item","#,
                    r#""time":"{time}","data":{{"session_id":"{name}","visitor_id":"v{number}","sku":"SKU-{sku:05}","#,
                    r#""unit_price":"129.00","currency":"SAR","device":"mobile","country":"SA"}}}}"#,
                    "\n"
                ),
                name = name,
                number = number,
                time = time,
                sku = number % 5000
            )
        })
        .collect()
}

/// A percentile of sorted times in milliseconds: the smallest time that at least so many percent do not exceed.
fn at(times: &[Duration], percent: usize) -> f64 {
    let rank = (times.len() * percent).div_ceil(100).max(1) - 1;
    times.get(rank).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
}

struct Connection {
    stream: BufReader<TcpStream>,
    head: String,
}

impl Connection {
    fn open(options: &Options) -> Result<Connection, Failure> {
        let stream = TcpStream::connect(&options.address).map_err(|error| format!("{}: {error}", options.address))?;
        stream.set_nodelay(true)?;
        let head = format!("Host: {}\r\nAuthorization: Bearer {}\r\n", options.address, options.key);
        Ok(Connection { stream: BufReader::new(stream), head })
    }

    /// Posts a body and gives the answer's; an error for any status but 2xx.
    fn post(&mut self, path: &str, kind: &str, body: &[u8]) -> Result<String, Failure> {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\n{}Accept: application/json\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            self.head,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.stream.get_mut().write_all(&request)?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status: u16 = line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let (mut length, mut chunked) = (0, false);
        loop {
            let mut header = String::new();
            if self.stream.read_line(&mut header)? == 0 {
                return Err("the server closed the connection".into());
            }
            let header = header.trim().to_ascii_lowercase();
            match header.split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse()?,
                Some(("transfer-encoding", value)) => chunked = value.contains("chunked"),
                None => break,
                _ => {}
            }
        }
        let answer = if chunked { self.chunks()? } else { self.bytes(length)? };
        let answer = String::from_utf8(answer)?;
        if (200..300).contains(&status) { Ok(answer) } else { Err(format!("{path}: {} {answer}", line.trim()).into()) }
    }

    fn chunks(&mut self) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        loop {
            let mut size = String::new();
            self.stream.read_line(&mut size)?;
            let size = usize::from_str_radix(size.trim(), 16)?;
            body.extend(self.bytes(size)?);
            self.bytes(2)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn bytes(&mut self, length: usize) -> Result<Vec<u8>, Failure> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}
