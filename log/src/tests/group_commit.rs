//! One fsync serves all who wait.

use super::{append, entry, numbers, open, small, stored};
use crate::{AppendError, Log, LogError, Options, Outcome};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_that_wait_together_share_an_fsync() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), Options::default()).unwrap();
    let tasks: Vec<_> = (1..=400)
        .map(|n| {
            let log = log.clone();
            tokio::spawn(async move { log.append(n, vec![entry(n as u64)]).await.unwrap() })
        })
        .collect();
    let mut positions = Vec::new();
    for task in tasks {
        let outcomes = task.await.unwrap();
        assert_eq!(outcomes.len(), 1);
        positions.extend(outcomes.iter().map(|outcome| match outcome {
            Outcome::Stored(position) => *position,
            Outcome::Duplicate | Outcome::Conflict => 0,
        }));
    }
    positions.sort_unstable();
    assert_eq!(positions, (1..=400).collect::<Vec<_>>());
    let stats = log.stats();
    assert_eq!(stats.appended, 400);
    assert_eq!(stats.queue_bytes, 0);
    assert!(stats.fsyncs < 400, "{} fsyncs for 400 requests", stats.fsyncs);
    assert_eq!(*log.durable().borrow(), 400);
}

#[test]
fn an_answer_comes_only_after_an_fsync() {
    let dir = tempfile::tempdir().unwrap();
    let options = small();
    let faults = options.faults.clone();
    let (log, _) = Log::open(dir.path(), options).unwrap();
    let before = faults.syncs();
    append(&log, 1..=1).unwrap();
    assert_eq!(faults.syncs(), before + 1);
    append(&log, 2..=4).unwrap();
    assert_eq!(faults.syncs(), before + 2);
}

#[test]
fn positions_have_no_gaps_over_restarts_and_segments() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let (log, recovery) = open(dir.path());
        assert_eq!(recovery.last_position, round * 20);
        assert_eq!(recovery.cut_bytes, 0);
        for n in 1..=10 {
            let first = round * 20 + n * 2 - 1;
            assert_eq!(append(&log, first..=first + 1).unwrap(), stored(first..=first + 1));
        }
        log.close();
    }
    let (log, recovery) = open(dir.path());
    assert_eq!(numbers(&log), (1..=100).collect::<Vec<_>>());
    assert!(recovery.segments > 5);
    assert_eq!(recovery.first_position, 1);
    assert_eq!(recovery.identities_sealed, 100);
}

#[test]
fn a_request_larger_than_a_segment_is_stored_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    append(&log, 1..=1).unwrap();
    append(&log, 2..=200).unwrap();
    append(&log, 201..=201).unwrap();
    drop(log);
    let (log, _) = open(dir.path());
    assert_eq!(numbers(&log), (1..=201).collect::<Vec<_>>());
    assert_eq!(log.stats().segments, 3);
}

#[test]
fn an_empty_request_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    assert_eq!(log.append_blocking(0, Vec::new()), Ok(Vec::new()));
    assert_eq!(log.stats().fsyncs, 0);
}

#[test]
fn two_cannot_write_the_same_directory_and_a_closed_log_lets_go() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    assert!(matches!(Log::open(dir.path(), small()), Err(LogError::InUse { .. })));
    append(&log, 1..=3).unwrap();
    log.close();
    assert_eq!(append(&log, 4..=4), Err(AppendError::Closed));
    let (again, _) = open(dir.path());
    assert_eq!(numbers(&again), [1, 2, 3]);
}

#[tokio::test]
async fn closing_answers_what_is_queued() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), Options::default()).unwrap();
    let mut answers = Vec::new();
    for n in 1..=50 {
        let mut answer = Box::pin({
            let log = log.clone();
            async move { log.append(0, vec![entry(n)]).await }
        });
        // Polled once: offered, not answered yet or perhaps so.
        let ready = futures_ready(answer.as_mut()).await;
        answers.push((answer, ready));
    }
    let closing = log.clone();
    tokio::task::spawn_blocking(move || closing.close()).await.unwrap();
    for (answer, ready) in answers {
        let answer = match ready {
            Some(answer) => answer,
            None => answer.await,
        };
        assert_eq!(answer.unwrap().len(), 1);
    }
    assert_eq!(log.last_position(), 50);
}

async fn futures_ready<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
