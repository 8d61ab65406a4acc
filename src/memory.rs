//! How memory is kept between its uses.

/// Lets all threads take memory from two arenas, where glibc would make up to eight for each core. Columns are made by one
/// thread and dropped by another, so that every arena comes to hold the most that any thread ever needed: an import kept a
/// quarter more, and spent longer in the kernel. Must be called before threads start, to count for all of them.
pub fn share_arenas() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: mallopt takes two numbers and touches no memory of ours; glibc guards it by its own lock, so it may be
        // called at any time. It says by its answer whether it knows the option, and either answer is good.
        #[allow(unsafe_code)]
        let _ = unsafe { libc::mallopt(libc::M_ARENA_MAX, 2) };
    }
}
