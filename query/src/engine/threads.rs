//! The threads that run plans: their own, so that a heavy query cannot hold up the doors.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// A chain of the longest allowed length is evaluated by recursion.
const STACK: usize = 16 << 20;

/// A runtime that may be dropped anywhere, also inside another one.
#[derive(Debug)]
pub(super) struct Threads(Option<Runtime>, Handle);

impl Threads {
    pub(super) fn start(count: usize) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(count.max(1))
            .thread_stack_size(STACK)
            .thread_name("mizan-query")
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        Ok(Self(Some(runtime), handle))
    }

    pub(super) fn handle(&self) -> Handle {
        self.1.clone()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
